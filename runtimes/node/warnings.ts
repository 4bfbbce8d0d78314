/**
 * A file with the syntax of an ES module and no "type" in its package.json runs as it is meant, which is what was asked
 * for; Node's advice about it, four lines in every instance, is for whoever starts `node` by hand. All other warnings are
 * the function's to hear.
 */
const unasked = 'MODULE_TYPELESS_PACKAGE_JSON';

type Emit = (warning: string | Error, ...rest: unknown[]) => void;

/** Once per instance. */
export function withholdWarnings(): void {
  const emit = Reflect.get(process, 'emitWarning') as Emit;
  const emitWarning: Emit = (warning, ...rest) => {
    const [options, code] = rest;
    const given = typeof options === 'object' && options !== null ? (options as { code?: unknown }).code : code;
    if (given !== unasked) Reflect.apply(emit, process, [warning, ...rest]);
  };
  process.emitWarning = emitWarning;
}
