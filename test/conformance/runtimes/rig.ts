// A platform with one function on it, and clients that ask it.
import type { TestContext } from 'node:test';
import { request, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { FunctionSpec } from '../../../src/model/function.ts';
import { platform, type Platform } from '../../e2e/platform.ts';
import { type Answer, read } from '../../e2e/weir.ts';
import { isAlive } from '../provider.ts';
import { pythons, type RuntimeUnderTest } from './runtimes.ts';

export interface Rig extends Platform {
  readonly runtime: RuntimeUnderTest;
  readonly host: string;
  /** A request whose body is the caller's to write. */
  begin(method: string, path: string, headers?: OutgoingHttpHeaders): ClientRequest;
  /** The answer's head. */
  open(method: string, path: string, body?: string | Buffer, headers?: OutgoingHttpHeaders): Promise<IncomingMessage>;
  send(method: string, path: string, body?: string | Buffer, headers?: OutgoingHttpHeaders): Promise<Answer>;
  get(path: string, headers?: OutgoingHttpHeaders): Promise<Answer>;
  text(path: string): Promise<string>;
  /** As the route `answer` is asked for it. */
  answered(status: number, headers: readonly (readonly [string, string])[], body?: string): string;
}

export async function rig(
  context: TestContext,
  runtime: RuntimeUnderTest,
  config: Partial<FunctionSpec['config']> = {},
): Promise<Rig> {
  const spec = await runtime.spec(config);
  const to = await platform(context, [spec], pythons);
  const host = `${spec.name}.localhost`;
  const begin: Rig['begin'] = (method, path, headers) =>
    request({ host: '127.0.0.1', port: to.port, method, path, headers: { host, ...headers }, agent: false });
  const open: Rig['open'] = async (method, path, body, headers) => {
    const asked = begin(method, path, headers);
    // Node writes a head together with text in the text's encoding.
    asked.end(typeof body === 'string' ? Buffer.from(body) : body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  };
  const send: Rig['send'] = async (...wish) => read(await open(...wish));
  const get: Rig['get'] = (path, headers) => send('GET', path, undefined, headers);
  const answered: Rig['answered'] = (status, headers, body = '') =>
    `/answer?as=${encodeURIComponent(JSON.stringify({ status, headers, body }))}`;
  return { ...to, runtime, host, begin, open, send, get, answered, text: async (path) => (await get(path)).text };
}

export const later = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(value), ms);
  });

/** Until it is so. What is waited for is an event that the other side cannot announce. */
export async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** An invocation that has begun, and goes on until `over`, whatever its instance takes in besides. */
export async function begunEcho(to: Rig): Promise<{ over(): Promise<string> }> {
  const asked = to.begin('POST', '/echo');
  asked.write('begun');
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return {
    over: async () => {
      asked.end(' and over');
      return (await read(answer)).text;
    },
  };
}

/** One that has ended and waits for process 1 to take note of it does not run. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux' && isAlive(pid);
  }
}
