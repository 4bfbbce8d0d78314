/**
 * V8 compiles a function when it is first called, and the first request calls nearly all that there is between a client and an
 * instance. So a few are played through before a client comes: by an edge and a router of the platform's own classes, with
 * nothing behind them and seen by nobody. What is compiled is the process's, whoever called it first
 * (docs/decisions/0020-rehearsal.md).
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { Edge } from '../edge/server.ts';
import { Ledger } from '../meter/ledger.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Router } from '../router/router.ts';
import { listen } from '../tunnel/dial.ts';
import { Client } from './client.ts';
import { StandIns } from './stand-in.ts';

export interface RehearsalOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For the socket of its tunnel; this user's alone. */
  readonly directory: string;
}

export interface Rehearsal {
  /** Always resolves. */
  readonly done: Promise<void>;
  /** Ends it early. Idempotent. */
  stop(): void;
}

/** Bounded in time, and harmless when it fails: then the first request takes as long as it would have. */
export function rehearse(options: RehearsalOptions): Rehearsal {
  const { clock, log } = options;
  const stopped = Promise.withResolvers<void>();
  // It may come to an end before anybody waits for that.
  stopped.promise.catch(() => undefined);
  const stop = (): void => stopped.resolve();
  const timer = clock.after(limits.rehearsalMs, stop);
  const done = (async () => {
    try {
      await play(options, stopped);
    } catch (error) {
      log.debug('the rehearsal failed', { why: String(error) });
    } finally {
      timer.cancel();
    }
  })();
  return { done, stop };
}

async function play(options: RehearsalOptions, stopped: PromiseWithResolvers<void>): Promise<void> {
  const { clock, random, directory } = options;
  const address = `unix:${join(directory, 'r.sock')}`;
  const provider = new StandIns({ address, clock, failed: stopped.reject });
  const router = new Router({
    clock,
    random,
    log: silentLog,
    provider,
    ledger: new Ledger(),
    channels: nobody,
    onLog: () => undefined,
    machine: () => machine,
  });
  const edge = new Edge({ invoker: router, clock, random, log: silentLog, status: () => ({ functions: [] }) });
  const tunnels = await listen(address, (connection) => router.accept(connection));
  const client = new Client();
  try {
    // A name that nobody guesses: whoever connects to its port meanwhile finds nothing.
    const host = `${random.hex(16)}.localhost`;
    const snapshot = snapshotFor(host);
    router.publish(snapshot);
    edge.publish(snapshot);
    const { port } = await edge.listen(0, '127.0.0.1');
    await Promise.race([stopped.promise, requests(client, { port, host })]);
  } finally {
    client.close();
    await Promise.all([edge.close(), router.close(), tunnels.close()]);
  }
}

async function requests(client: Client, at: { port: number; host: string }): Promise<void> {
  for (let connections = 0; connections < limits.rehearsedConnections; connections += 1) {
    await client.connect(at);
    for (let count = 0; count < limits.rehearsedRequests; count += 1) {
      await client.ask('GET', '/a/plain?b=c');
      await client.ask('POST', '/a/plain?b=c');
      await client.ask('GET', '/streamed');
    }
  }
}

const untold = { hasSubscribers: false, publish: () => undefined };
/** What is played is no traffic: it is in no figure and no log. */
const nobody = { invocation: untold, log: untold, crash: untold };

/** With room for one stem: it is taken as a real one would be. */
const machine = { freeMemoryMiB: 2048, cores: 1, cpuIdle: true };

const spec: FunctionSpec = {
  id: 'rehearsal/function',
  label: 'rehearsal/function',
  project: 'rehearsal',
  deployment: 'rehearsal',
  environment: 'preview',
  name: 'function',
  root: '/',
  entry: '/rehearsal.js',
  launch: 'module',
  config: {
    memoryMiB: 128,
    maxDurationMs: limits.rehearsalMs,
    maxConcurrency: 'auto',
    weight: 1,
    runtime: 'nodejs24.x',
    helpers: true,
    environment: {},
  },
};

const snapshotFor = (host: string): Snapshot => ({
  version: 1,
  deployments: [
    {
      id: spec.deployment,
      project: spec.project,
      environment: spec.environment,
      hosts: [host],
      functions: [spec],
      routes: [{ pattern: '/[...path]', segments: [{ kind: 'rest', name: 'path' }], functionId: spec.id }],
      publicDir: null,
      outputs: null,
      routing: null,
      crons: [],
      fingerprint: '',
    },
  ],
});
