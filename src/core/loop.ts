/**
 * The loop's own functions, taken before user code is loaded, which may replace the globals. Next does while it renders in
 * advance, so that immediates are called before the loop goes on: a turn that ended by such a one would begin anew for ever.
 */
export const { setImmediate } = globalThis;
export const nextTick: typeof process.nextTick = process.nextTick.bind(process);
