// `npm run bench [-- --quick] [-- --wattpm] [-- --only small,bodies,starts,waits,bytecode,next,next-cold,fastapi,python-cold,python,slow,sockets,recalls,blocker,converge,place,routes,routing,pages,deploy,dashboard,codec]`
// Ratios in one run on one machine. CPU per request is the steadiest figure; wall time is noise on a busy machine.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { parseArgs } from 'node:util';
import { blocker } from './blocker.ts';
import { bytecode } from './bytecode.ts';
import { codecRows } from './codec.ts';
import { converge, convergeParts } from './converge.ts';
import { deployBench } from './deploy.ts';
import { dashboardBench } from './dashboard.ts';
import { fastapi, pythonCold } from './fastapi.ts';
import { hasNginx, loader } from './load.ts';
import { placeBench } from './place.ts';
import { recalls } from './recall.ts';
import { pagesBench } from './pages.ts';
import { nextApplication, nextCold } from './next.ts';
import { bodies, small } from './paths.ts';
import { python } from './python.ts';
import { section } from './report.ts';
import type { Section } from './report.ts';
import { routesBench } from './routes.ts';
import { routingBench } from './routing.ts';
import { slowReaders } from './slow-readers.ts';
import { idleSockets } from './sockets.ts';
import { starts } from './starts.ts';
import { workDir } from './targets.ts';
import { waits } from './waits.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    wattpm: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const effort = { rounds: values.quick ? 1 : 5, seconds: values.quick ? 1 : 2, wattpm: values.wattpm };

const parts: Readonly<Record<string, () => Promise<readonly Section[]>>> = {
  small: () => small(effort),
  bodies: () => bodies(effort),
  starts: () => starts(values.quick ? 8 : 30),
  bytecode: () => bytecode(values.quick ? 5 : 15),
  next: () => nextApplication(effort),
  'next-cold': () => nextCold(values.quick ? 4 : 12),
  fastapi: () => fastapi(effort),
  'python-cold': () => pythonCold(values.quick ? 4 : 12),
  python: () => python(values.quick ? 6 : 20),
  waits,
  slow: slowReaders,
  sockets: () => idleSockets(values.quick ? 500 : 5_000),
  recalls,
  blocker: () => blocker(values.quick ? 4 : 20),
  converge: () => converge(convergeParts, values.quick ? 5 : 20),
  place: async () => [section('place(): one decision', placeBench())],
  routes: async () => [section('The kind of a request', routesBench())],
  routing: async () => [section('A walk through a routing table', routingBench())],
  pages: async () => [section('A kept page in memory', await pagesBench())],
  deploy: () => deployBench(values.quick ? 4 : 12, values.quick ? 3 : 10),
  dashboard: async () => [section('The dashboard in Chromium', await dashboardBench(values.quick ? 3 : 9))],
  codec: async () => [section('Tunnel codec', codecRows())],
};

const chosen = values.only?.split(',') ?? Object.keys(parts);
for (const name of chosen) {
  if (!(name in parts)) {
    console.error(`--only ${name}: expected some of ${Object.keys(parts).join(', ')}`);
    process.exit(2);
  }
}

mkdirSync(workDir, { recursive: true });
const sections: Section[] = [];
for (const name of chosen) {
  console.error(`${name} …`);
  for (const done of await parts[name]!()) {
    console.log(`\n${done.text}`);
    sections.push(done);
  }
}

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim();
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${type()} ${release()}, Node ${process.version}`;
const intro = `# Bench results

Written by \`npm run bench\` at commit ${commit}. ${machine}. Load: ${loader}; nginx: ${hasNginx ? 'yes' : 'not installed'}.
Medians of ${effort.rounds} interleaved rounds of ${effort.seconds} s. CPU: user + system time of every process in the path, from the operating
system, divided by the requests served. Read ratios within one table, not numbers across tables.
`;
if (values.only === undefined) {
  writeFileSync(new URL('results.md', import.meta.url), `${intro}\n${sections.map(({ text }) => text).join('\n\n')}\n`);
  console.log('\nwritten to bench/results.md');
}
