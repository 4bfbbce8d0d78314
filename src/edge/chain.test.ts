import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { Chains } from './chain.ts';
import { converse, deployment, route, spec, startEdge } from './edge.fixture.ts';

const chains = new Chains('key');
const [a, b] = [spec('a'), spec('b')];

/** How many of `specs` in a row are let through. */
function follow(specs: readonly (typeof a)[], from = 'start'): { passed: number; header: string; detail: string } {
  let header = from;
  for (const [at, each] of specs.entries()) {
    const link = chains.extend(header, each);
    if (link.kind === 'loop') return { passed: at, header, detail: link.refusal.detail };
    header = link.header;
  }
  return { passed: specs.length, header, detail: '' };
}

test('a function may lead to itself so often, alone or by way of others', () => {
  const alone = follow(Array.from({ length: 100 }, () => a));
  assert.equal(alone.passed, limits.chainRecursions);
  assert.match(alone.detail, /demo\/a led to itself 16 times/);
  const mutual = follow(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? a : b)));
  assert.equal(mutual.passed, 2 * limits.chainRecursions);
});

test('and so many functions may lead to each other, with a header that stays within its limit', () => {
  const { passed, header, detail } = follow(Array.from({ length: 100 }, (_, index) => spec(`f${index}`)));
  assert.equal(passed, limits.chainDepth);
  assert.match(detail, /64 times in a row, .* demo\/f64/);
  assert.ok(header.length <= limits.chainBytes, String(header.length));
});

test('what no edge with this key has written begins anew', () => {
  const { header } = follow(Array.from({ length: limits.chainRecursions }, () => a));
  assert.equal(follow([a], header).passed, 0);
  const [entries, signature] = header.split('.');
  const forged = [
    '',
    '.',
    '..',
    'start',
    header.replace('*16', '*1'),
    header.replace('*16', ''),
    `${entries}.`,
    `.${signature}`,
    `${signature}`,
    `${header}é`,
    `${'x'.repeat(2000)}.${signature}`,
    (new Chains('another key').extend('start', a) as { header: string }).header,
  ];
  for (const each of forged) assert.equal(follow([a], each).passed, 1, each);
});

test('a new version of a function is the same function; that of another environment is not', () => {
  const { header } = follow(Array.from({ length: limits.chainRecursions }, () => a));
  assert.equal(follow([{ ...a, id: 'dpl_2/a', deployment: 'dpl_2' }], header).passed, 0);
  assert.equal(follow([{ ...a, environment: 'production' }], header).passed, 1);
});

test('the header tells nothing', () => {
  assert.match(follow([a, b, a]).header, /^[\w-]{8}\*2\.[\w-]{8}\.[\w-]{22}$/);
});

test('at the edge: checked, extended, never passed on as it came; without it there is none', async (t) => {
  const deployments = [deployment({ functions: [a], routes: [route('/a', a.id)] })];
  const { port, invoker } = await startEdge(t, ({ exchange }) => void exchange.reply(200, [], null), {
    deployments,
    edge: { chainKey: 'key' },
  });
  const ask = (line: string): Promise<string> =>
    converse(t, port, `GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${line}\r\n`);
  await ask('');
  assert.equal((await invoker.nth(1)).header('x-weir-chain'), undefined);
  await ask('X-Weir-Chain: start\r\n');
  assert.equal((await invoker.nth(2)).header('x-weir-chain'), follow([a]).header);
  await ask('X_Weir_Chain: forged\r\nX-Weir-Chains: 1\r\n');
  assert.equal((await invoker.nth(3)).header('x-weir-chain'), follow([a]).header);
  assert.equal((await invoker.nth(3)).header('x-weir-chains'), undefined);
  const { header } = follow(Array.from({ length: limits.chainRecursions }, () => a));
  const refused = await ask(`X-Weir-Chain: ${header}\r\n`);
  assert.match(refused, /^HTTP\/1\.1 508 Loop Detected\r\n/);
  assert.match(refused, /X-Vercel-Error: INFINITE_LOOP_DETECTED/);
  assert.equal(invoker.all.length, 3);
});
