// The command as people start it, in a home of its own.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCli } from './main.ts';

export const launcher = fileURLToPath(new URL('../../bin/weir', import.meta.url));

export interface Home {
  readonly dir: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A folder to work in, and what a user has: no configuration, nothing running. */
export function home(context: TestContext): Home {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'weir-home-')));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of ['work', 'state', 'config']) mkdirSync(join(dir, name));
  const path = `${dirname(process.execPath)}:${process.env['PATH']}`;
  return {
    dir: join(dir, 'work'),
    environment: { PATH: path, HOME: dir, XDG_STATE_HOME: join(dir, 'state'), XDG_CONFIG_HOME: join(dir, 'config') },
  };
}

export interface Running {
  readonly child: ChildProcess;
  out: string;
  err: string;
  /** Resolves when the text has come, on either stream. */
  said(text: string): Promise<void>;
  ended(): Promise<Ended>;
}
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function start(at: Home, environment: Readonly<Record<string, string>>, args: readonly string[]): Running {
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: at.dir,
    env: { ...at.environment, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const close = once(child, 'close');
  const running: Running = {
    child,
    out: '',
    err: '',
    async said(text) {
      while (!running.out.includes(text) && !running.err.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended without ${text}:\n${running.out}\n${running.err}`);
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), close]);
      }
    },
    async ended() {
      const [code] = (await close) as [number | null];
      return { code, out: running.out, err: running.err };
    },
  };
  child.stdout.on('data', (chunk: Buffer) => (running.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (running.err += chunk.toString()));
  return running;
}

/** The same in this process, which takes less time. `input`: what is piped in. */
export async function weir(
  at: Home,
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  input = '',
): Promise<Ended> {
  const [out, err] = [stream(), stream()];
  const before = { cwd: process.cwd(), exitCode: process.exitCode, onExit: process.listeners('exit') };
  process.chdir(at.dir);
  process.exitCode = undefined;
  try {
    await runCli(args, {
      streams: { out: out.stream, err: err.stream },
      input: Readable.from(input === '' ? [] : [input]) as unknown as NodeJS.ReadStream,
      environment: { ...at.environment, ...environment },
    });
    // What lines are gathered in is written after the turn.
    await new Promise(setImmediate);
    return { code: (process.exitCode as number | undefined) ?? 0, out: out.text(), err: err.text() };
  } finally {
    process.chdir(before.cwd);
    process.exitCode = before.exitCode;
    for (const each of process.listeners('exit')) if (!before.onExit.includes(each)) process.off('exit', each);
  }
}

function stream(): { stream: NodeJS.WriteStream; text: () => string } {
  const chunks: Buffer[] = [];
  const writable = new Writable({ write: (chunk: Buffer, _encoding, done) => (chunks.push(chunk), done()) });
  return { stream: writable as unknown as NodeJS.WriteStream, text: () => Buffer.concat(chunks).toString() };
}
