// `npm run bench:fluid [-- --quick] [-- --seconds N] [-- --only trace,compute] [-- --trace FILE]`
// What fluid instances save on real processes, beside what the simulator says of the same run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { computeBound } from './fluid/compute.ts';
import { optionsOf } from './fluid/options.ts';
import { interruption } from './fluid/processes.ts';
import { replaySections } from './fluid/report.ts';
import { invocations, replay, speedUp } from './fluid/replay.ts';
import { section } from './report.ts';
import type { Section } from './report.ts';
import { readTrace } from './simulation/trace.ts';
import { workDir } from './targets.ts';

const options = optionsOf('npm run bench:fluid -- [--quick] [--seconds N] [--only trace,compute] [--trace FILE]', {
  parts: ['trace', 'compute'],
  seconds: 120,
  quickSeconds: 10,
  mostSeconds: 600,
  traceFile: fileURLToPath(new URL('data/azure-llm-2023-code.csv', import.meta.url)),
});
const signal = interruption();

const parts: Readonly<Record<string, () => Promise<readonly Section[]>>> = {
  async trace() {
    const rows = readTrace(options.traceFile).filter(({ atMs }) => atMs < options.seconds * 1000 * speedUp);
    const onePerInstance = await replay(rows, 1, signal);
    const fluid = await replay(rows, 'auto', signal);
    return replaySections({ seconds: options.seconds, load: invocations(rows), onePerInstance, fluid });
  },
  async compute() {
    const { rows, note } = await computeBound(Math.max(2, Math.round(options.seconds / 6)), signal);
    return [section('A function that computes, on the same cores', rows, note)];
  },
};

try {
  mkdirSync(workDir, { recursive: true });
  const sections: Section[] = [];
  for (const name of options.only) {
    console.error(`${name} …`);
    for (const done of await parts[name]!()) {
      console.log(`\n${done.text}`);
      sections.push(done);
    }
  }
  if (!options.quick && options.only.length === Object.keys(parts).length) write(sections);
} catch (error) {
  // Whoever interrupted knows.
  if (!signal.aborted) console.error((error as Error).message);
  process.exitCode ??= 1;
}

function write(sections: readonly Section[]): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim();
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${type()} ${release()}, Node ${process.version}`;
  const intro = `# Fluid against one per instance, on real instances

Written by \`npm run bench:fluid\` at commit ${commit}. ${machine}.
Clients, platform, instances and the fake model server share these processors.
`;
  const file = new URL('fluid-results.md', import.meta.url);
  writeFileSync(file, `${intro}\n${sections.map(({ text }) => text).join('\n\n')}\n`);
  console.log('\nwritten to bench/fluid-results.md');
}
