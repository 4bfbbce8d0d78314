import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import type { InvocationContext } from './context.ts';
import { eventHandler } from './event.ts';
import { loadSource } from './load-source.fixture.ts';

const event = (source: string, calls: object[] = [{}], eventExport = 'handler') =>
  loadSource('event.cjs', source, { launch: 'event', besides: { eventExport }, calls });

test('a request is an event of the API gateway, and what is returned is the answer', () => {
  const source = `exports.main = async (event, context) => ({
    statusCode: 201, headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...event, left: context.getRemainingTimeInMillis() > 0 }) });`;
  const calls = [
    { method: 'POST', target: '/a/b?x=1&x=2&y=3', headers: ['host', 'app', 'x-a', '1'], body: ['{"a"', ':1}'] },
    {},
  ];
  const { answers } = event(source, calls, 'main');
  assert.equal(answers[0]?.[0], 201);
  const seen: any = JSON.parse(answers[0]?.[1] ?? '');
  assert.equal(seen.httpMethod, 'POST');
  assert.equal(seen.path, '/a/b');
  assert.deepEqual(seen.queryStringParameters, { x: '2', y: '3' });
  assert.deepEqual(seen.multiValueQueryStringParameters, { x: ['1', '2'], y: ['3'] });
  assert.equal(seen.headers['x-a'], '1');
  assert.deepEqual(seen.multiValueHeaders['x-a'], ['1']);
  assert.equal(seen.isBase64Encoded, true);
  assert.equal(Buffer.from(seen.body, 'base64').toString(), '{"a":1}');
  assert.equal(seen.left, true);
  const empty: any = JSON.parse(answers[1]?.[1] ?? '');
  assert.deepEqual([empty.body, empty.queryStringParameters, empty.isBase64Encoded], [null, null, false]);
});

test('by callback, in base64, without a body', () => {
  const called =
    'exports.handler = (event, context, callback) => void callback(null, { statusCode: 200, body: "called" });';
  assert.deepEqual(event(called).answers, [[200, 'called', '']]);
  const encoded =
    'exports.handler = async () => ({ statusCode: 200, body: Buffer.from("é").toString("base64"), isBase64Encoded: true });';
  assert.deepEqual(event(encoded).answers, [[200, 'é', '']]);
  assert.deepEqual(event(encoded.replace('isBase64Encoded: true', 'encoding: "base64"')).answers, [[200, 'é', '']]);
  assert.deepEqual(event('exports.handler = async () => ({ statusCode: 204 });').answers, [[204, '', '']]);
});

test('what is no result, an error and a name that is not exported are told', () => {
  const none = event('exports.handler = async () => "text";');
  assert.equal(none.answers[0]?.[2], 'FUNCTION_INVOCATION_FAILED');
  assert.match(none.lines.join(), /The function returned string: expected \{ statusCode, headers, body \}/);
  const failed = event('exports.handler = (event, context, callback) => callback("no luck");');
  assert.equal(failed.answers[0]?.[2], 'FUNCTION_INVOCATION_FAILED');
  assert.match(failed.lines.join(), /no luck/);
  assert.match(event('exports.other = 1;').error, /exports no function named handler \(awsLambdaHandler\)/);
});

test('a body beyond the limit is refused, and not called for', async () => {
  const seen: unknown[] = [];
  const handle = eventHandler((given) => (seen.push(given), { statusCode: 200 }), 'api/a');
  const context = { deadline: new Date().toISOString() } as InvocationContext;
  const ask = (bytes: number): unknown =>
    handle(new Request('http://app/', { method: 'POST', body: new Uint8Array(bytes) }), context);
  assert.equal(((await ask(limits.parsedBodyBytes + 1)) as Response).status, 413);
  assert.equal(seen.length, 0);
  assert.equal(((await ask(limits.parsedBodyBytes)) as Response).status, 200);
});
