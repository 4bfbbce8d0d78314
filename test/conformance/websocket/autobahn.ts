// `node test/conformance/websocket/autobahn.ts [--client kosoku|wstest] [GROUP…]`: Autobahn's fuzzing cases against an echo
// server behind Weir and against the same server without it. GROUP: `9`, `12.2`, `1.1.1`; default: all. Exits with 1 where a
// case ends differently.
//
// The client is not installed with this repository. Either will do: `pip install kosoku` (Python 3; runs Autobahn's own
// case files), or `wstest` of `pip install autobahntestsuite` (Python 2.7). What came out: CONTRIBUTING.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEcho } from './echo.ts';

interface Result {
  readonly behavior: string;
  readonly behaviorClose: string;
  readonly remoteCloseCode: number | null;
}

const { values, positionals } = parseArgs({
  options: { client: { type: 'string', default: 'kosoku' } },
  allowPositionals: true,
});

/** As both clients take them. A group is all that is under it; a case is itself. */
const cases = positionals.map((group) => (group.split('.').length === 3 ? group : `${group}.*`));

/** Either client's arguments. `dir`: for its report, and for the settings that wstest wants as a file. */
function argumentsFor(port: number, dir: string): string[] {
  if (!basename(values.client).startsWith('wstest')) {
    return [...cases.flatMap((each) => ['-i', each]), '-p', '2', '-o', dir, `127.0.0.1:${port}`];
  }
  const settings = { outdir: dir, servers: [{ agent: 'echo', url: `ws://127.0.0.1:${port}` }] };
  writeFileSync(
    join(dir, 'settings.json'),
    JSON.stringify({ ...settings, cases: cases.length === 0 ? ['*'] : cases, 'exclude-cases': [] }),
  );
  return ['-m', 'fuzzingclient', '-s', join(dir, 'settings.json')];
}

async function run(port: number): Promise<Readonly<Record<string, Result>>> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-autobahn-'));
  try {
    const child = spawn(values.client, argumentsFor(port, dir), { stdio: ['ignore', 'ignore', 'inherit'] });
    // A case that fails is no failure of the client: the report says it.
    await once(child, 'exit');
    const report = JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8')) as Record<string, Record<string, Result>>;
    return Object.values(report)[0] ?? {};
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const outcome = (result: Result | undefined): string =>
  result === undefined
    ? 'not run'
    : `${result.behavior}, closed ${result.behaviorClose} (${result.remoteCloseCode ?? 'no code'})`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const servers = await startEcho();
try {
  const direct = await run(servers.directPort);
  const weir = await run(servers.weirPort);
  const names = [...new Set([...Object.keys(direct), ...Object.keys(weir)])];
  const different = names.filter((name) => outcome(direct[name]) !== outcome(weir[name]));
  for (const name of different) say(`${name}: ${outcome(direct[name])}; behind Weir ${outcome(weir[name])}`);
  const count = (results: Readonly<Record<string, Result>>): string => {
    const counts: Record<string, number> = {};
    for (const { behavior } of Object.values(results)) counts[behavior] = (counts[behavior] ?? 0) + 1;
    return JSON.stringify(counts);
  };
  say(`${names.length} cases: direct ${count(direct)}, behind Weir ${count(weir)}; ${different.length} differ`);
  process.exitCode = different.length > 0 || names.length === 0 ? 1 : 0;
} finally {
  servers.stop();
}
