// The runtimes that behaviours.ts is asked of: one small application for each, with the same routes.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../src/base/clock.ts';
import { PythonReleases } from '../../../src/builder/python-releases.ts';
import type { FunctionSpec } from '../../../src/model/function.ts';
import { specOf } from '../../e2e/platform.ts';

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

export const pythons = new PythonReleases({ environment: process.env, home: homedir(), clock: systemClock });

export interface RuntimeUnderTest {
  readonly name: string;
  spec(config: Partial<FunctionSpec['config']>): Promise<FunctionSpec>;
  /** Behaviours that it cannot have, and why. */
  readonly cannot: Readonly<Record<string, string>>;
  /** What it prints when it is asked to end. */
  readonly lastWords: readonly string[];
}

const ofNode: RuntimeUnderTest = {
  name: 'node',
  spec: (config) =>
    Promise.resolve(
      specOf(
        'node',
        { root: fixtures, entry: join(fixtures, 'server.js'), launch: 'server' },
        { runtime: 'nodejs24.x', ...config },
      ),
    ),
  cannot: {},
  lastWords: ['it is told to end'],
};

const ofPython = (
  kind: 'asgi' | 'wsgi' | 'handler',
  changes: Partial<Pick<RuntimeUnderTest, 'cannot' | 'lastWords'>>,
): RuntimeUnderTest => ({
  name: kind,
  async spec(config) {
    const runtime = await pythons.choose(null);
    const entry = join(fixtures, `${kind}.py`);
    return specOf(kind, { root: fixtures, entry, launch: 'python' }, { runtime, ...config });
  },
  cannot: {},
  lastWords: ['it is told to end'],
  ...changes,
});

const noSockets = {
  'WebSockets: messages there and back':
    'An interface that blocks has no WebSockets: PEP 3333 and http.server know none.',
};

const ofPrograms = {
  'lines carry the invocation that printed them': 'A plain program prints lines that say nothing of their invocation.',
  'its deadline':
    'A plain program is not told of it: the header of the protocol goes to those that take it away again.',
};

const program = (name: string, make: () => readonly [string, readonly string[]]): RuntimeUnderTest => ({
  name,
  spec: (config) => {
    const [root, command] = make();
    return Promise.resolve(specOf(name, { root, launch: 'command', command }, config));
  },
  cannot: ofPrograms,
  lastWords: ['it is told to end'],
});

let builtGo: string | null = null;

/** The compiler's own cache is used: where that is empty, the library takes it a minute. */
function buildGo(go: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-go-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const env = { ...process.env, GOPROXY: 'off', GOTOOLCHAIN: 'local' };
  execFileSync(go, ['build', '-o', join(dir, 'program'), '.'], { cwd: join(fixtures, 'go'), env });
  return dir;
}

/** Null: this machine has none. */
export const goCommand = ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path)) ?? null;

export const node = ofNode;
export const asgi = ofPython('asgi', { lastWords: ['it is told to end', 'the lifespan is over'] });
export const wsgi = ofPython('wsgi', { cannot: noSockets });
export const handler = ofPython('handler', { cannot: noSockets });
export const executable = program('executable', () => [fixtures, [process.execPath, 'server.js']]);
export const go = program('go', () => [(builtGo ??= buildGo(goCommand!)), ['./program']]);
