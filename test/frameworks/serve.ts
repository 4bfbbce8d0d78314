// An application on Weir, and the same one on its framework's own production server, asked the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dev, exchange, read } from '../e2e/weir.ts';
import type { Answer, Weir } from '../e2e/weir.ts';
import { applicationDir, applicationOf, environment, prepare } from './application.ts';
import type { ApplicationName } from './application.ts';

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly body?: string | null;
  readonly headers?: OutgoingHttpHeaders;
  /** By its own address, since user code goes on to ask the site that it is. Default: as `site`. */
  readonly eachItself?: boolean;
}

interface Sameness {
  /** Compared besides those that always are. */
  readonly headers?: readonly string[];
  /** Done to both bodies before they are compared: each use says why. */
  readonly as?: (text: string) => string;
  /** What Weir's body is, where the hosted platform's contract has another one than the framework's own server. */
  readonly body?: string;
}

/** What both are asked for: to both it is the same site. Weir keeps pages by host, where it answers for any. */
export const site = { host: 'localhost:3000' };

/** Weir, or the framework's own. */
export type Server = Pick<Weir, 'get' | 'send'>;

export interface Both {
  readonly weir: Weir;
  readonly own: Server;
  /** Asks both, compares what they answer, and returns Weir's answer. */
  readonly same: (ask: Ask | string, sameness?: Sameness) => Promise<Answer>;
}

/**
 * The body of a redirect that the build has put into the routing table (Next.js's `redirects`, route rules of Nitro and Nuxt,
 * `redirects` of Astro). None of the framework's code runs for it, and the hosted platform says this.
 */
export const redirecting = { body: 'Redirecting...\n' };

/** Compared for every answer, besides its type. */
const comparedHeaders = ['location', 'set-cookie'];

/** Starts an application both ways; both are stopped when the test has ended. */
export async function both(context: TestContext, name: ApplicationName): Promise<Both> {
  await prepare(name);
  const [weir, ownPort] = await Promise.all([dev(context, applicationDir(name)), ownServer(context, name)]);
  const send: Server['send'] = async (method, path, body = '', headers = {}) =>
    read(await exchange(ownPort, { method, path, body, headers }));
  return {
    weir,
    own: { send, get: (path, headers) => send('GET', path, undefined, headers) },
    same: async (asked, sameness = {}) => {
      const {
        method = 'GET',
        path,
        body = null,
        headers: sent = {},
        eachItself = false,
      }: Ask = typeof asked === 'string' ? { path: asked } : asked;
      const ask = { method, path, body, headers: eachItself ? sent : { ...site, ...sent } };
      const [mine, own] = await Promise.all([exchange(weir.port, ask).then(read), exchange(ownPort, ask).then(read)]);
      const expected = compared(own, sameness);
      const { body: other } = sameness;
      assert.deepEqual(
        compared(mine, sameness),
        // A body of another kind has a type of its own.
        other === undefined ? expected : { ...expected, text: other, type: typeOf(mine) },
        `${method} ${path}`,
      );
      return mine;
    },
  };
}

/** Servers add what they know of the charset, and scripts have two names (RFC 9239, section 6). */
const typeOf = ({ headers }: Answer): string | undefined =>
  headers['content-type']?.replace(/;.*/, '').replace('application/javascript', 'text/javascript');

function compared(answer: Answer, { headers: names = [], as = (text) => text }: Sameness) {
  const { status, headers, body, text } = answer;
  const found = [...comparedHeaders, ...names].map((name) => [name, normalised(String(headers[name] ?? ''))]);
  // Bytes, whatever they are: what is no text has a character for each.
  const whole = Buffer.from(text).equals(body) ? normalised(as(text)) : body.toString('latin1');
  return { status, type: typeOf(answer), headers: Object.fromEntries(found), text: whole };
}

/** What differs between two builds, and between two moments. */
function normalised(text: string): string {
  return (
    text
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'DATE')
      // Milliseconds since 1970.
      .replaceAll(/\b1[6-9]\d{11}\b/g, 'DATE')
      .replaceAll(/\bhttp:\/\/localhost:3000(?=\/)/g, '')
      // React's keys for what belongs to one request; the number is of flight.ts, where there is a #.
      .replaceAll(/(?<=\["\$","\$L#?[0-9a-f]+",")[\w-]{21}(?=[a-z]")/g, 'ID')
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
  );
}

/** The port was free a moment before: where another process was quicker, there is another one. */
async function ownServer(context: TestContext, name: ApplicationName): Promise<number> {
  for (let attempts = 3; ; attempts -= 1) {
    try {
      return await startOwnServer(context, name);
    } catch (error) {
      if (attempts === 1 || !/EADDRINUSE/.test((error as Error).message)) throw error;
    }
  }
}

/** Rejects with what it printed when it ends, or does not listen in time. */
async function startOwnServer(context: TestContext, name: ApplicationName): Promise<number> {
  const { ownServer: command } = applicationOf(name);
  const dir = applicationDir(name);
  const port = await freePort();
  const args = command.map((word) =>
    word === 'PORT' ? String(port) : word.includes('*') ? globSync(word, { cwd: dir })[0]! : word,
  );
  const child = spawn(process.execPath, args, {
    cwd: dir,
    env: { ...environment, NODE_ENV: 'production', PORT: String(port), HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const untilMs = performance.now() + serverStartMs;
  for (;;) {
    // Asked before it is looked at: a server that has ended is not the one that listens.
    const listens = await isListening(port);
    if (hasEnded(child)) throw new Error(`${name}: its own server ended:\n${text}`);
    if (listens) return port;
    if (performance.now() > untilMs) throw new Error(`${name}: its own server does not listen:\n${text}`);
    await sleep(50);
  }
}

const serverStartMs = 120_000;

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}
