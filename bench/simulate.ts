// `npm run simulate [-- --help]`: Weir's scheduler beside others, on a virtual clock. Writes docs/reference/scheduling.md.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../src/base/errors.ts';
import { Simulation } from './simulation/engine.ts';
import type { RunResult } from './simulation/ledger.ts';
import { helpText, isWhole, type Options, parseOptions } from './simulation/options.ts';
import { policies } from './simulation/policies/catalogue.ts';
import { aimsTable, type Groups, pages, paretoTable, workloadTable } from './simulation/report.ts';
import { readTrace, type TraceRow } from './simulation/trace.ts';
import { faster, repeated, type Workload } from './simulation/workload.ts';
import { workloads } from './simulation/workloads/catalogue.ts';

const reference = fileURLToPath(new URL('../docs/reference/', import.meta.url));
const tracePath = fileURLToPath(new URL('data/azure-llm-2023-code.csv', import.meta.url));

function main(args: readonly string[]): number {
  const options = parseOptions(args);
  if (options.help) {
    console.log(helpText);
    return 0;
  }
  const groups = runAll(options);
  for (const table of [paretoTable(groups), aimsTable(groups)]) if (table !== '') console.log(`\n${table}`);
  if (!isWhole(options)) return 0;
  const files = pages(groups, options.seed);
  return options.check ? compare(files) : write(files);
}

function runAll(options: Options): Groups {
  let rows: readonly TraceRow[] | null = null;
  const trace = (): readonly TraceRow[] => (rows ??= readTrace(options.trace ?? tracePath));
  const groups = new Map<string, ReadonlyMap<string, RunResult>>();
  for (const name of options.only) {
    const workload = fitted(workloads[name]!({ trace, seed: options.seed, quick: options.quick }), options);
    const runs = new Map<string, RunResult>();
    for (const kind of policies.filter((each) => options.policy.includes(each.name))) {
      const startMs = performance.now();
      const run = new Simulation(workload, kind, options.seed).run();
      const tookS = ((performance.now() - startMs) / 1000).toFixed(1);
      console.error(
        `${name}, ${kind.title}: ${workload.arrivalMs.length} invocations, ${run.events} events in ${tookS} s`,
      );
      runs.set(kind.name, run);
    }
    console.log(`\n${workloadTable([...runs.values()])}`);
    groups.set(name, runs);
  }
  return groups;
}

/** The workload as the options want it. */
function fitted(workload: Workload, { rate, invocations, cores, memoryMiB }: Options): Workload {
  const wanted = repeated(faster(workload, rate), invocations ?? 0);
  const { machine } = wanted;
  return { ...wanted, machine: { cores: cores ?? machine.cores, memoryMiB: memoryMiB ?? machine.memoryMiB } };
}

function write(files: ReadonlyMap<string, string>): number {
  const plots = `${reference}scheduling/`;
  mkdirSync(plots, { recursive: true });
  for (const name of readdirSync(plots)) if (!files.has(`scheduling/${name}`)) rmSync(plots + name);
  for (const [path, text] of files) writeFileSync(reference + path, text);
  console.log(`\nwritten to docs/reference/scheduling.md`);
  return 0;
}

function compare(files: ReadonlyMap<string, string>): number {
  const stale = [...files].filter(([path, text]) => textOf(reference + path) !== text).map(([path]) => path);
  for (const path of stale)
    console.log(`docs/reference/${path} is not what comes out now: npm run simulate writes it anew`);
  return stale.length === 0 ? 0 : 1;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It is not there: then it is not current either.
    return null;
  }
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
