// For tests: a log in a folder of its own, and what is published.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { channels } from '../../base/channels.ts';
import type { Clock } from '../../base/clock.ts';
import { textLog } from '../../base/log.ts';
import type { CrashReport, InvocationRecord } from '../../model/telemetry.ts';
import type { PublishedLine } from './line.ts';
import { openLogStore } from './log-store.ts';
import type { LogStore } from './log-store.ts';
import type { Retention } from './wire.ts';

/** Tests flush: no timer is waited for. */
const stillClock: Clock = {
  nowMs: () => 0,
  wallMs: () => startMs,
  after: () => ({ cancel: () => undefined }),
  soon: () => undefined,
};
export const startMs = 1_700_000_000_000;

/** A function's name among those of a project: `shop/api/pay`. */
export const functionOf = (label: string, deployment = 'dep_aaaaaaaa') => ({
  functionId: `${deployment}/${label.slice(label.indexOf('/') + 1)}`,
  label,
});

export const line = (text: string, changes: Partial<PublishedLine> = {}): PublishedLine => ({
  ...functionOf('shop/api/pay'),
  instance: 'ins_0000000000000001',
  invocationId: null,
  level: 'info',
  source: 'stdout',
  text,
  ...changes,
});

export const record = (id: string, changes: Partial<InvocationRecord> = {}): InvocationRecord => ({
  id,
  ...functionOf('shop/api/pay'),
  project: 'shop',
  deployment: 'dep_aaaaaaaa',
  environment: 'production',
  route: '/api/pay',
  method: 'POST',
  host: 'shop.example',
  path: '/api/pay',
  status: 200,
  outcome: 'answered',
  start: 'warm',
  instance: 'ins_0000000000000001',
  receivedMs: startMs,
  phases: {
    admittedUs: 10,
    matchedUs: 20,
    cachedUs: 20,
    resolvedUs: 30,
    queuedUs: null,
    placedUs: 40,
    sentUs: 50,
    begunUs: 300,
    answeredUs: 5_000,
    settledUs: 6_500,
  },
  cpuUs: 1_200,
  memoryMiB: 128,
  requestBytes: 10,
  responseBytes: 200,
  refusals: 0,
  trace: null,
  ...changes,
});

export const crash = (changes: Partial<CrashReport> = {}): CrashReport => ({
  atMs: startMs,
  instance: 'ins_0000000000000001',
  ...functionOf('shop/api/pay'),
  project: 'shop',
  deployment: 'dep_aaaaaaaa',
  reason: 'an error that nobody caught',
  exitCode: 1,
  signal: null,
  invocationId: 'inv_1',
  lost: ['inv_1', 'inv_2'],
  stack: 'Error: no\n    at pay (pay.js:3:9)',
  memoryBytes: 50_000_000,
  cpuMs: 812.5,
  ageMs: 60_000,
  ...changes,
});

/** Logs on a file in a folder of its own; each is closed when the test ends. */
export class LogBench {
  readonly dir: string;
  readonly file: string;
  readonly told: string[] = [];
  readonly #context: TestContext;

  constructor(context: TestContext) {
    this.#context = context;
    this.dir = mkdtempSync(join(tmpdir(), 'weir-logs-'));
    this.file = join(this.dir, 'logs/logs.db');
  }

  async open(options: { clock?: Clock; retention?: Partial<Retention> } = {}): Promise<LogStore> {
    const store = await openLogStore({
      file: this.file,
      clock: options.clock ?? stillClock,
      log: textLog((text) => this.told.push(text)),
      retention: options.retention ?? {},
    });
    this.#context.after(async () => {
      await store.close();
      rmSync(this.dir, { recursive: true, force: true });
    });
    return store;
  }

  log(text: string, changes: Partial<PublishedLine> = {}): void {
    channels.log.publish(line(text, changes));
  }

  invocation(id: string, changes: Partial<InvocationRecord> = {}): void {
    channels.invocation.publish(record(id, changes));
  }
}

export async function textsOf(store: LogStore, query: object = {}): Promise<string[]> {
  const { items } = await store.ask({ kind: 'lines', query: { limit: 1_000, ...query } });
  return items.map(({ text }) => text);
}
