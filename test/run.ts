// `npm test`: every gate, then every test, ending in node:test's own closing lines.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const only = process.argv.slice(2);

const gates: readonly (readonly [string, readonly string[]])[] = [
  ['types', ['tsc', '-p', '.']],
  ['types of the dashboard', ['tsc', '-p', 'web']],
  ['lint', ['oxlint', '--type-aware', '--deny-warnings']],
  ['format', ['oxfmt', '--check', '.']],
  ['dead code', ['knip']],
];

function run(title: string, command: string, args: readonly string[]): void {
  const startedMs = performance.now();
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\n${title}: failed (${signal ?? `exit ${status}`})`);
    process.exit(status ?? 1);
  }
  console.log(`${title}: ok (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
}

if (only.length === 0) for (const [title, [name, ...args]] of gates) run(title, `node_modules/.bin/${name}`, args);

const tests =
  only.length > 0
    ? only
    : ['src', 'runtimes', 'test'].flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root })).toSorted();
// Applications are installed and built before their tests, which have less time than that may take.
const applications = tests.filter((path) => path.startsWith('test/frameworks/'));
if (applications.length > 0) run('applications', process.execPath, ['test/frameworks/prepare.ts', ...applications]);
// One after the other for the files that start real servers and instances would be slow, all at once would starve two
// cores: node:test's default (cores - 1, at least 2 here) is right.
const { status, signal } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-timeout=120000', ...tests],
  { cwd: root, stdio: 'inherit' },
);
process.exit(signal === null ? (status ?? 1) : 1);
