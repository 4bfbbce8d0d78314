// Loads source text as an instance would, in a process of its own: loading changes what a process is.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LoadOrder } from '../../src/core/call.ts';
import type { FakeOptions } from './fake-call.fixture.ts';

const fixture = fileURLToPath(new URL('load.fixture.ts', import.meta.url));
/** The project that it is a file of. */
export const root = realpathSync(mkdtempSync(join(tmpdir(), 'weir-load-')));
after(() => rmSync(root, { recursive: true, force: true }));

interface Outcome {
  readonly answers: readonly (readonly [number, string, string])[];
  readonly error: string;
  readonly cwd: string;
  readonly lines: readonly string[];
}

interface Loading {
  readonly launch?: LoadOrder['launch'];
  readonly besides?: Pick<LoadOrder, 'helpers' | 'sourceMaps' | 'assets' | 'eventExport'>;
  readonly calls?: readonly FakeOptions[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly serverListenMs?: number;
}

export function loadSource(name: string, source: string, options: Loading = {}): Outcome {
  const entry = join(root, name);
  mkdirSync(dirname(entry), { recursive: true });
  writeFileSync(entry, source);
  const { launch = 'module', calls = [{}], environment = {}, serverListenMs = 3000, besides = {} } = options;
  const texts = [calls, environment, serverListenMs, besides].map((each) => JSON.stringify(each));
  const args = ['--enable-source-maps', fixture, root, entry, launch, ...texts];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 });
  assert.equal(status, 0, stderr);
  const lines = stdout.trimEnd().split('\n');
  return JSON.parse(lines.at(-1)!) as Outcome;
}
