/**
 * The loop's own functions, taken before user code is loaded, which may replace the globals. Next does while it renders in
 * advance, so that immediates are called before the loop goes on: a turn that ended by such a one would begin anew for ever.
 */
const { setImmediate } = globalThis;
const { nextTick } = process;

export { nextTick, setImmediate };
