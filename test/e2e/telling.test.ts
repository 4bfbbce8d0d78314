// What is told of real instances: an invocation's phases from the client's socket to its function and back, and crashes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { channels } from '../../src/base/channels.ts';
import type { CrashReport, InvocationRecord } from '../../src/model/telemetry.ts';
import { platform, specOf } from './platform.ts';

function source(context: TestContext, text: string): { root: string; entry: string } {
  const root = mkdtempSync(join(tmpdir(), 'weir-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const entry = join(root, 'f.mjs');
  writeFileSync(entry, text);
  return { root, entry };
}

test('phases of a request that an instance answers, in their order; an error that nobody caught, with its invocation', async (t) => {
  const told: InvocationRecord[] = [];
  const listen = (message: unknown): void => void told.push(message as InvocationRecord);
  channels.invocation.subscribe(listen);
  const crashed = Promise.withResolvers<CrashReport>();
  const hear = (message: unknown): void => crashed.resolve(message as CrashReport);
  channels.crash.subscribe(hear);
  t.after(() => {
    channels.invocation.unsubscribe(listen);
    channels.crash.unsubscribe(hear);
  });
  const code = `
export function GET(request) {
  if (!request.url.includes('/throws')) return new Response('hello');
  return new Promise(() => setTimeout(() => { throw new Error('mine'); }, 10));
}`;
  const spec = specOf('telling', { ...source(t, code), launch: 'module' }, { runtime: 'nodejs24.x' });
  const { port } = await platform(t, [spec]);
  const ask = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { host: 'telling.localhost' };
      get({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      }).on('error', reject);
    });
  assert.equal(await ask('/hello?x=1'), 200);
  const [first] = told;
  assert.deepEqual(
    [first?.status, first?.path, first?.start, first?.responseBytes, first?.host],
    [200, '/hello', 'cold', 5, 'telling.localhost'],
  );
  const reached = Object.values(first!.phases);
  assert.equal(reached.includes(null), false);
  assert.deepEqual(
    reached.toSorted((one, other) => one! - other!),
    reached,
  );
  assert.ok(first!.phases.placedUs! > 10_000, 'a process was started meanwhile');
  assert.ok(first!.cpuUs > 0);

  assert.equal(await ask('/throws'), 500);
  const crash = await crashed.promise;
  assert.deepEqual(
    [crash.reason, crash.invocationId, crash.exitCode, crash.label],
    ['an error that nobody caught', told[1]!.id, 1, spec.label],
  );
  assert.match(crash.stack!, /Error: mine\n {4}at .*f\.mjs/);
  assert.ok(crash.cpuMs! > 0 && crash.memoryBytes! > 10_000_000);
});
