// Raw requests over a real socket. A request that is served is followed by another one on the same connection: only if the
// edge found the very end of the first is the second understood.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { client, deployment, startEdge } from '../../../src/edge/edge.fixture.ts';
import type { RawClient, Seen, Started } from '../../../src/edge/edge.fixture.ts';
import type { Case, Sees } from './case.ts';
import { fieldCases } from './field.ts';
import { framingCases } from './framing.ts';
import { hostCases } from './host.ts';
import { targetCases } from './target.ts';

/** Answers when all of the request has come, so that a body that breaks off is never taken for a whole one. */
function whenComplete(seen: Seen): void {
  const answer = (): boolean => seen.exchange.reply(200, ['content-type', 'text/plain'], Buffer.from('served'));
  if (!seen.head.hasBody) answer();
  else void seen.until(({ bodyEnded }) => bodyEnded).then(answer);
}

const others = deployment({ hosts: ['localhost', '127.0.0.1', '::1', 'my_app.example', 'example.test'] });

const after = 'GET /after HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** Statuses of all final answers, in order. */
const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])).filter((status) => status >= 200);

const invoked = (started: Started, from: number): Seen[] => started.invoker.all.slice(from);

async function settle(connection: RawClient, one: Case): Promise<string> {
  const goesOn = one.expect.kind !== 'refused' && !one.expect.closes;
  connection.send(one.raw);
  if (goesOn) {
    await connection.reads(/\r\n\r\n/);
    connection.send(after);
  }
  return connection.untilClosed();
}

function compare(seen: Seen, sees: Sees): void {
  if (sees.method !== undefined) assert.equal(seen.head.method, sees.method);
  if (sees.target !== undefined) assert.equal(seen.head.target, sees.target);
  if (sees.body !== undefined) assert.equal(seen.body, sees.body);
  for (const [name, value] of Object.entries(sees.headers ?? {}))
    assert.equal(seen.header(name), value ?? undefined, name);
}

async function check(context: TestContext, started: Started, one: Case): Promise<void> {
  const from = started.invoker.all.length;
  const text = await settle(client(context, started.port), one);
  const got = statuses(text);
  const ran = invoked(started, from);
  const { expect } = one;
  switch (expect.kind) {
    case 'refused':
      if (got.length > 0 || !expect.silent)
        assert.ok(expect.statuses.includes(got[0]!), `answered ${got[0] ?? 'nothing'}`);
      assert.ok(got.length <= 1, `answers: ${got.join(', ')}`);
      // A function may have begun on a body that broke off: it is told.
      assert.deepEqual(
        ran.filter((seen) => seen.bodyEnded || seen.cancelled !== 1).map((seen) => seen.head.target),
        [],
      );
      break;
    case 'answered':
      assert.ok(expect.statuses.includes(got[0]!), `answered ${got[0] ?? 'nothing'}`);
      if (!expect.closes) assert.deepEqual([got.length, ran.map((seen) => seen.head.target)], [2, ['/after']]);
      break;
    case 'served':
      assert.deepEqual(got, expect.closes ? [200] : [200, 200], text.slice(0, 400));
      if (!expect.closes) assert.equal(ran.at(-1)?.head.target, '/after');
      assert.equal(ran.length, got.length);
      compare(ran[0]!, expect.sees);
  }
}

const groups: Readonly<Record<string, readonly Case[]>> = {
  Host: hostCases,
  'body framing': framingCases,
  'start line and target': targetCases,
  'header fields': fieldCases,
};

for (const [group, cases] of Object.entries(groups)) {
  test(`RFC 9110 and 9112: ${group}`, async (context) => {
    const started = await startEdge(context, whenComplete, {
      deployments: [others],
      // A row that is wrongly left open ends by these, and fails.
      edge: { timeouts: { idleMs: 2000, headMs: 2000 } },
    });
    for (const one of cases) await context.test(one.name, (inner) => check(inner, started, one));
  });
}

test('the corpus is as large as it says', () => {
  const all = Object.values(groups).flat();
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length, 'names are unique');
  assert.ok(all.length >= 150, `${all.length} cases`);
});
