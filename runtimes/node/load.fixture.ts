// Loads one module as an instance does, hands it the calls it is told of, and prints what came of it as JSON.
import fs from 'node:fs';
import { FakeCall, FakeHost, type FakeOptions } from './fake-call.fixture.ts';
import type { LoadOrder } from '../../src/core/call.ts';
import { type Invoker, load } from './load.ts';
// The function may replace the global.
import { process } from './own-process.ts';

// Loading replaces it.
const { writeSync } = fs;
const [root = '', entry = '', launch = '', calls = '[]', environment = '{}', serverListenMs = '', besides = '{}'] =
  process.argv.slice(2);
const host = new FakeHost();
const order: LoadOrder = {
  function: 'dpl_1/api/test',
  root,
  entry,
  launch: launch as LoadOrder['launch'],
  environment: JSON.parse(environment) as Record<string, string>,
  memoryMiB: 128,
  maxDurationMs: 60_000,
  maxConcurrency: null,
  deployment: 'dpl_1',
  project: 'shop',
  ...(JSON.parse(besides) as Partial<LoadOrder>),
};

/** Stays until it is answered: what a test waits for keeps its process alive. */
const alive = setInterval(() => undefined, 1000);
const answers: unknown[] = [];
let error = '';
try {
  const invoke: Invoker = await load(order, host, { lateListenMs: 300, serverListenMs: Number(serverListenMs) });
  for (const options of JSON.parse(calls) as FakeOptions[]) {
    const call = await new FakeCall(options).begin(invoke).settled();
    answers.push([call.status, call.text, call.code]);
  }
} catch (thrown) {
  error = String(thrown);
}
clearInterval(alive);
// Loading has captured the stream.
writeSync(1, `${JSON.stringify({ answers, error, cwd: process.cwd(), lines: host.lines.map(({ text }) => text) })}\n`);
process.exit(0);
