import { parseArgs } from 'node:util';
import { UsageError } from '../../src/base/errors.ts';
import { policies } from './policies/catalogue.ts';
import { workloads } from './workloads/catalogue.ts';

export interface Options {
  readonly help: boolean;
  /** Compare with what is there instead of writing it. */
  readonly check: boolean;
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly policy: readonly string[];
  readonly trace: string | null;
  readonly seed: number;
  readonly rate: number;
  /** Null: as the workload says. */
  readonly cores: number | null;
  readonly memoryMiB: number | null;
  readonly invocations: number | null;
}

const known = {
  help: { type: 'boolean', short: 'h' },
  check: { type: 'boolean' },
  quick: { type: 'boolean' },
  only: { type: 'string' },
  policy: { type: 'string' },
  trace: { type: 'string' },
  seed: { type: 'string' },
  rate: { type: 'string' },
  cores: { type: 'string' },
  memory: { type: 'string' },
  invocations: { type: 'string' },
} as const;

const workloadNames = Object.keys(workloads);
const policyNames = policies.map(({ name }) => name);

export const helpText = `npm run simulate [-- OPTIONS]

Runs Weir's scheduler and others on a virtual clock, prints what came of it, and writes docs/reference/scheduling.md with
its plots. With any option but --check and --seed it only prints.

  --only NAMES         workloads, by commas: ${workloadNames.join(', ')}
  --policy NAMES       policies, by commas: ${policyNames.join(', ')}
  --quick              a small part of each workload
  --rate FACTOR        arrivals come so many times as fast (above 0, up to 1000)
  --invocations COUNT  each workload is repeated until it has so many (1 to 20000000)
  --cores COUNT        processors of the machine (1 to 4096)
  --memory MIB         its memory (256 to 16777216)
  --trace FILE         another LLM trace, with the same columns as bench/data/azure-llm-2023-code.csv
  --seed NUMBER        0 to 4294967295; 1 when left out. The same seed gives the same report
  --check              writes nothing; exit 1 when the report that is there is another
  --help`;

/** Throws UsageError naming the option, its value and what is allowed. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  return {
    help: values.help ?? false,
    check: values.check ?? false,
    quick: values.quick ?? false,
    only: names('only', values.only, workloadNames),
    policy: names('policy', values.policy, policyNames),
    trace: values.trace ?? null,
    seed: whole('seed', values.seed, 0, 0xffff_ffff) ?? 1,
    rate: factor('rate', values.rate, 1000) ?? 1,
    cores: whole('cores', values.cores, 1, 4096),
    memoryMiB: whole('memory', values.memory, 256, 16_777_216),
    invocations: whole('invocations', values.invocations, 1, 20_000_000),
  };
}

/** Whether the report is of all there is, as it is. */
export function isWhole({ quick, only, policy, trace, rate, cores, memoryMiB, invocations }: Options): boolean {
  const all = only.length === workloadNames.length && policy.length === policyNames.length;
  const asItIs = trace === null && cores === null && memoryMiB === null && invocations === null;
  return all && asItIs && rate === 1 && !quick;
}

function parse(args: readonly string[]) {
  // parseArgs takes a value that begins with a dash for an option that lacks one.
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1);
    if (/^-[\d.]/.test(arg) && before !== undefined && /^--\w+$/.test(before))
      joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  try {
    return parseArgs({ args: joined, options: known, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]!}: see --help`);
  }
}

function names(option: string, value: string | undefined, allowed: readonly string[]): readonly string[] {
  if (value === undefined) return allowed;
  const chosen = value.split(',');
  for (const name of chosen) {
    if (!allowed.includes(name)) throw expected(option, name, `some of ${allowed.join(', ')}`);
  }
  return allowed.filter((name) => chosen.includes(name));
}

function whole(option: string, value: string | undefined, least: number, most: number): number | null {
  if (value === undefined) return null;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) throw expected(option, value, `a whole number from ${least} to ${most}`);
  return number;
}

function factor(option: string, value: string | undefined, most: number): number | null {
  if (value === undefined) return null;
  const number = /^\d{1,9}(?:\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
  if (!(number > 0 && number <= most)) throw expected(option, value, `a number above 0, up to ${most}`);
  return number;
}

const expected = (option: string, value: string, allowed: string): UsageError =>
  new UsageError(`--${option} ${JSON.stringify(value)}: expected ${allowed}`);
