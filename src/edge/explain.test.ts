import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { explainByName } from '../model/explain-name.ts';
import { converse, deployment, startEdge } from './edge.fixture.ts';
import { askedFunction, localTime } from './explain.ts';
import { sample } from './explain.fixture.ts';

const functions = [
  { id: sample.id, label: sample.label, retired: false },
  { id: 'dpl_3/api/chat', label: 'blog/api/chat', retired: false },
  { id: 'dpl_2/api/<b>', label: 'shop/api/<b>', retired: false },
];
const explain = (name: string | null) =>
  explainByName(name, functions, (id) => (id.startsWith('dpl_3') ? null : { ...sample, id }));

type Ask = (target: string, accept?: string, host?: string, more?: string) => Promise<{ head: string; body: string }>;

async function asking(context: TestContext, hosts: readonly string[] = ['shop.localhost']): Promise<Ask> {
  const { port } = await startEdge(context, ({ exchange }) => exchange.reply(200, [], Buffer.from('the function')), {
    deployments: [deployment({ hosts })],
    edge: { explain },
  });
  return async (target, accept = '*/*', host = 'localhost', more = '') => {
    const raw = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${accept}\r\n${more}Connection: close\r\n\r\n`;
    const answer = await converse(context, port, raw);
    const end = answer.indexOf('\r\n\r\n');
    return { head: answer.slice(0, end), body: Buffer.from(answer.slice(end + 4), 'latin1').toString() };
  };
}

test('a function is explained as JSON, text or HTML', async (t) => {
  const ask = await asking(t);
  const json = await ask('/_weir/explain?function=shop%2Fapi%2Fchat', 'application/json');
  assert.match(json.head, /^HTTP\/1\.1 200 /);
  assert.match(json.head, /\r\nX-Weir-Explain: found(?:\r\n|$)/);
  assert.match(json.head, /\r\nCache-Control: no-store(?:\r\n|$)/);
  assert.deepEqual(JSON.parse(json.body), sample);
  const text = await ask('/_weir/explain?function=shop/api/chat');
  assert.match(text.head, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
  assert.match(text.body, /^shop\/api\/chat\n(?:.|\n)*\nInstances: 2\n/);
  const html = await ask('/_weir/explain?function=shop/api/chat', 'text/html');
  assert.match(html.body, /<title>shop\/api\/chat<\/title>(?:.|\n)*delay 84 ms &gt; 50 ms/);
});

test('without a name, with one that is unknown, with one of several', async (t) => {
  const ask = await asking(t);
  const list = await ask('/_weir/explain');
  assert.match(list.head, /^HTTP\/1\.1 200 (?:.|\r\n)*X-Weir-Explain: list/);
  assert.equal(list.body, 'Functions\n  shop/api/chat\n  blog/api/chat\n  shop/api/<b>\n');
  assert.deepEqual(JSON.parse((await ask('/_weir/explain', 'application/json')).body), { functions });
  const links = await ask('/_weir/explain', 'text/html');
  assert.match(links.body, /<li><a href="\?function=dpl_2%2Fapi%2F%3Cb%3E">shop\/api\/&lt;b&gt;<\/a>/);

  const unknown = await ask('/_weir/explain?function=caht');
  assert.match(unknown.head, /^HTTP\/1\.1 404 (?:.|\r\n)*X-Weir-Explain: unknown/);
  assert.match(
    unknown.body,
    /^there is no function called "caht" \(did you mean shop\/api\/chat\?\)\n {2}shop\/api\/chat\n/,
  );
  assert.deepEqual(JSON.parse((await ask('/_weir/explain?function=zzz%1b', 'application/json')).body), {
    error: 'there is no function called "zzz\\u001b"',
    meant: null,
    functions,
  });
  const ambiguous = await ask('/_weir/explain?function=chat');
  assert.match(ambiguous.head, /^HTTP\/1\.1 409 (?:.|\r\n)*X-Weir-Explain: ambiguous/);
  assert.equal(
    ambiguous.body,
    '"chat" is the name of several functions: say more of it\n  shop/api/chat\n  blog/api/chat\n',
  );
  const evil = await ask('/_weir/explain?function=%3Cscript%3E', 'text/html');
  assert.ok(!evil.body.includes('<script>'));
  const long = await ask(`/_weir/explain?function=${'x'.repeat(5000)}`);
  assert.match(long.body, /^there is no function called "x{100}…"\n/);
});

test('one of which nothing has been asked yet', async (t) => {
  const ask = await asking(t);
  const idle = await ask('/_weir/explain?function=blog/api/chat');
  assert.match(idle.head, /^HTTP\/1\.1 200 (?:.|\r\n)*X-Weir-Explain: idle/);
  assert.equal(idle.body, 'blog/api/chat\n  nothing has been asked of it yet\n');
  const json = await ask('/_weir/explain?function=blog/api/chat', 'application/json');
  assert.deepEqual(JSON.parse(json.body), { ...functions[1], idle: true });
  assert.match((await ask('/_weir/explain?function=blog/api/chat', 'text/html')).body, /nothing has been asked/);
});

test('only clients of this machine see it, under its own names', async (t) => {
  const ask = await asking(t);
  for (const host of ['localhost', '127.0.0.1', '[::1]', 'shop.localhost', 'other.localhost'])
    assert.match((await ask('/_weir/explain', '*/*', host)).head, /X-Weir-Explain: list/, host);
  assert.match((await ask('/_weir/explain', '*/*', 'rebound.test')).head, /^HTTP\/1\.1 404 /);
  assert.match(
    (await ask('/_weir/explain', '*/*', 'localhost', 'X-Forwarded-For: 203.0.113.9\r\n')).head,
    /^HTTP\/1\.1 404 /,
  );
  assert.equal((await ask('/_weir/explained', '*/*', 'shop.localhost')).body, 'the function');
  assert.equal((await ask('/_weir/explain/', '*/*', 'shop.localhost')).body, 'the function');
});

test('a project of every host is asked about too, and has its own paths', async (t) => {
  const ask = await asking(t, []);
  assert.match((await ask('/_weir/explain')).head, /X-Weir-Explain: list/);
  assert.equal((await ask('/')).body, 'the function');
  assert.equal((await ask('/_weir/explain', '*/*', 'example.com')).body, 'the function');
});

test('an edge that nobody explains for has no such page', async (t) => {
  const { port } = await startEdge(t, () => undefined, { deployments: [] });
  const answer = await converse(t, port, 'GET /_weir/explain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 404 (?:.|\r\n)*X-Weir-Error: NOT_FOUND/);
});

test('the name in a target', () => {
  for (const [target, name] of [
    ['/_weir/explain', null],
    ['/_weir/explain?', null],
    ['/_weir/explain?other=1', null],
    ['/_weir/explain?function=', ''],
    ['/_weir/explain?x=1&function=a%2Fb', 'a/b'],
    ['/_weir/explain?function=a+b', 'a b'],
    ['/_weir/explain?function=%ff', '\uFFFD'],
  ] as const)
    assert.equal(askedFunction(target), name, target);
});

test('times of day are those of this machine', () => {
  const date = new Date(2026, 2, 14, 7, 8, 9, 45);
  assert.equal(localTime(date.getTime()), '07:08:09.045');
});
