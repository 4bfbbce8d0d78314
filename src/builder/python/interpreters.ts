import { execFile } from 'node:child_process';
import { readdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';

/** A Python that this machine has. */
export interface Interpreter {
  /** `[3, 12, 1]` */
  readonly version: readonly [number, number, number];
  /** Absolute. */
  readonly binary: string;
  /** What packages with machine code in them are made for: `cpython-312-x86_64-linux-gnu linux-x86_64`. */
  readonly platform: string;
  /** No release yet. */
  readonly isPreview: boolean;
}

export interface InterpreterPlace {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly clock: Clock;
}

/** The oldest that has what the runtime needs. */
export const oldestMinor = 11;

const run = promisify(execFile);

/** What there is in PATH, then what uv and pyenv installed; each file once. */
export async function installedInterpreters(place: InterpreterPlace): Promise<Interpreter[]> {
  const candidates = await candidatesIn(place);
  const found: (Interpreter | null)[] = candidates.map(() => null);
  const seen = new Set<string>();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < candidates.length) {
      const at = next;
      next += 1;
      found[at] = await ask(candidates[at]!, place);
    }
  };
  await Promise.all(Array.from({ length: limits.pythonAsksAtOnce }, work));
  return found.filter((one): one is Interpreter => {
    if (one === null || seen.has(one.binary)) return false;
    seen.add(one.binary);
    return true;
  });
}

const nameInPath = /^python3(?:\.(\d+))?$/;

async function candidatesIn({ environment, home }: InterpreterPlace): Promise<string[]> {
  const pyenv = environment['PYENV_ROOT'] ?? join(home, '.pyenv');
  const data = environment['XDG_DATA_HOME'] ?? join(home, '.local', 'share');
  const ofPyenv = await inStore(join(pyenv, 'versions'));
  const candidates: string[] = [];
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    // Each of them asks pyenv, which takes its time: what they lead to is looked at in their place.
    if (folder === join(pyenv, 'shims')) candidates.push(...ofPyenv);
    else if (folder !== '') {
      const names = (await namesIn(folder)).filter((name) => nameInPath.test(name));
      candidates.push(...names.toSorted().map((name) => join(folder, name)));
    }
  }
  candidates.push(...(await inStore(environment['UV_PYTHON_INSTALL_DIR'] ?? join(data, 'uv', 'python'))), ...ofPyenv);
  return onePerFile(candidates.filter((path) => Number(/3\.(\d+)/.exec(path)?.[1] ?? 99) >= oldestMinor));
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** Interpreters in folders of their own that are called after their versions, the newest first. */
async function inStore(store: string): Promise<string[]> {
  const names = (await namesIn(store)).filter((name) => /^(?:cpython-)?3\.\d+/.test(name));
  return names.toSorted(newestNameFirst).map((name) => join(store, name, 'bin', 'python3'));
}

const newestNameFirst = (a: string, b: string): number => b.localeCompare(a, 'en', { numeric: true });

/** `python3` is `python3.12` most of the time. A name in a virtual environment is one of its own: it stands for its packages. */
async function onePerFile(paths: readonly string[]): Promise<string[]> {
  const seen = new Set<string>();
  const kept: string[] = [];
  for (const path of paths) {
    const real = await realpath(path).catch(() => null);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    kept.push(path);
    if (kept.length === limits.pythonCandidates) break;
  }
  return kept;
}

const question = `
import json, sys, sysconfig
v = sys.version_info
print(json.dumps({
  "version": v[:3], "binary": sys.executable, "preview": v.releaselevel != "final",
  "name": sys.implementation.name,
  "platform": "%s %s" % (sysconfig.get_config_var("SOABI"), sysconfig.get_platform()),
}))`;

/** Null: it does not start, does not answer, or is of no use. */
async function ask(path: string, { environment, clock }: InterpreterPlace): Promise<Interpreter | null> {
  const late = new AbortController();
  const timer = clock.after(limits.pythonAskMs, () => late.abort());
  const { PATH, HOME, TMPDIR } = environment;
  try {
    // In the root directory no project's .python-version decides what answers.
    const options = { cwd: '/', env: { PATH, HOME, TMPDIR }, signal: late.signal, killSignal: 'SIGKILL' } as const;
    const { stdout } = await run(path, ['-I', '-c', question], options);
    return parsed(stdout);
  } catch {
    return null;
  } finally {
    timer.cancel();
  }
}

function parsed(text: string): Interpreter | null {
  const { version, binary, preview, name, platform } = JSON.parse(text) as Record<string, unknown>;
  if (name !== 'cpython' || typeof binary !== 'string' || typeof platform !== 'string') return null;
  if (!Array.isArray(version) || version[0] !== 3 || !(version[1] >= oldestMinor)) return null;
  return { version: version as unknown as Interpreter['version'], binary, platform, isPreview: preview === true };
}
