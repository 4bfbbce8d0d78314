// Drives the real command, as a user would: starts `bin/weir dev`, talks HTTP to it, stops it with Ctrl-C.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const weirCommand = join(repository, 'bin/weir');
export const exampleDir = (name: string): string => join(repository, 'examples', name);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
  json(): any;
}

export interface Weir {
  readonly origin: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves once `pattern` has been printed (since `from`, a length of output()). */
  printed(pattern: RegExp, from?: number): Promise<RegExpExecArray>;
  get(path: string, headers?: OutgoingHttpHeaders): Promise<Answer>;
  send(method: string, path: string, body?: string | Buffer, headers?: OutgoingHttpHeaders): Promise<Answer>;
  /** The response as soon as its head is here. */
  open(
    method: string,
    path: string,
    body?: string | Buffer | null,
    headers?: OutgoingHttpHeaders,
  ): Promise<IncomingMessage>;
  /** /_weir/status as data. */
  status(): Promise<any>;
  /** Ctrl-C, and what it exited with. */
  stop(): Promise<number | null>;
}

/** A project of these files in a directory of its own, gone when the test has ended. */
export function project(context: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-test-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFiles(dir, { 'package.json': '{ "type": "module" }', ...files });
  return dir;
}

export function writeFiles(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

/** `weir dev DIR` on a free port; stopped, by force if need be, when the test has ended. */
export async function dev(context: TestContext, dir: string, args: readonly string[] = []): Promise<Weir> {
  return run(context, ['dev', dir, '--port', '0', ...args]);
}

/** What is learned in a test is nothing to the next. */
function stateDir(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-state-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export async function run(
  context: TestContext,
  args: readonly string[],
  state: string = stateDir(context),
): Promise<Weir> {
  const child = spawn(process.execPath, [weirCommand, ...args], {
    env: { ...process.env, XDG_STATE_HOME: state },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = watchOutput(child);
  context.after(() => void (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')));
  const [, host, port] = await output.printed(/^ready http:\/\/(.*):(\d+)$/m);
  const open: Weir['open'] = (method, path, body, headers) =>
    exchange(Number(port), { method, path, headers: headers ?? {}, body: body ?? null });
  const send: Weir['send'] = async (...request) => read(await open(...request));
  return {
    ...output,
    origin: `http://${host}:${port}`,
    port: Number(port),
    process: child,
    open,
    send,
    get: (path, headers) => send('GET', path, undefined, headers),
    status: async () => (await send('GET', '/_weir/status', undefined, { accept: 'application/json' })).json(),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill('SIGINT');
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    },
  };
}

function watchOutput(child: ChildProcess): Pick<Weir, 'output' | 'printed'> {
  let text = '';
  const waiting = new Set<() => void>();
  const heard = (chunk: Buffer): void => {
    text += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout?.on('data', heard);
  child.stderr?.on('data', heard);
  return {
    output: () => text,
    printed: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(text.slice(from));
          if (match === null) return;
          waiting.delete(look);
          child.off('exit', ended);
          resolve(match);
        };
        const ended = (): void => reject(new Error(`weir ended before it printed ${pattern}:\n${text}`));
        waiting.add(look);
        child.once('exit', ended);
        look();
      }),
  };
}

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Buffer | null;
}

export function exchange(port: number, { method, path, headers, body }: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end(body ?? undefined);
  });
}

export async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const text = body.toString();
  assert.ok(response.statusCode !== undefined);
  return { status: response.statusCode, headers: response.headers, body, text, json: () => JSON.parse(text) };
}
