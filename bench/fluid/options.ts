// The command line of the benches that run on their own.
import { parseArgs } from 'node:util';

export interface Options {
  readonly quick: boolean;
  /** How long the main part of each runs. */
  readonly seconds: number;
  readonly only: readonly string[];
  readonly traceFile: string;
}

interface Defaults {
  readonly parts: readonly string[];
  readonly seconds: number;
  readonly quickSeconds: number;
  readonly mostSeconds: number;
  readonly traceFile: string;
}

/** Says what is wrong, and what is allowed, and ends with 2. */
export function optionsOf(usage: string, defaults: Defaults): Options {
  const read = attempt(() => readOptions(process.argv.slice(2), defaults));
  if (!(read instanceof Error)) return read;
  console.error(`${read.message}\nusage: ${usage}`);
  return process.exit(2);
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}

function readOptions(args: readonly string[], defaults: Defaults): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      only: { type: 'string' },
      trace: { type: 'string', default: defaults.traceFile },
    },
  });
  if (defaults.traceFile === '' && values.trace !== '') throw new Error('--trace: this bench replays none');
  const seconds = Number(values.seconds ?? (values.quick ? defaults.quickSeconds : defaults.seconds));
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > defaults.mostSeconds)
    throw new Error(`--seconds ${values.seconds}: expected a whole number from 1 to ${defaults.mostSeconds}`);
  const only = values.only?.split(',') ?? defaults.parts;
  for (const name of only) {
    if (!defaults.parts.includes(name))
      throw new Error(`--only ${name}: expected some of ${defaults.parts.join(', ')}, separated by commas`);
  }
  return { quick: values.quick, seconds, only, traceFile: values.trace };
}
