import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../model/routing.ts';
import { applyEdits } from './effects.ts';
import { type MiddlewareAnswer, readMiddlewareAnswer } from './middleware.ts';
import { type Asked, told, walkOf } from './routing.fixture.ts';
import type { Step } from './step.ts';
import type { Walk } from './walk.ts';

const rules: readonly Rule[] = [
  { src: '^/.*$', headers: { 'x-rule': '1' }, continue: true },
  { src: '^/(?:admin.*|old|@team)$', middlewarePath: 'middleware', continue: true, override: true },
  { src: '^/seen$', has: [{ type: 'header', key: 'x-user', value: '(?<user>.+)' }], dest: '/page?user=$user' },
  { handle: 'filesystem' },
  { src: '^/blog/(?<nxtPslug>[^/]+)$', dest: '/blog/[slug]?nxtPslug=$nxtPslug', check: true },
  { handle: 'error' },
  { src: '^/.*$', dest: '/404', status: 404 },
];
const outputs = ['admin', 'page', 'blog/[slug]', '404', 'old', '@team'];

const answer = (headers: Readonly<Record<string, string>>, status = 200): MiddlewareAnswer => ({
  status,
  headers: Object.entries(headers).flat(),
});

function asked(target: string, { status, headers }: MiddlewareAnswer, request: Asked = {}): { walk: Walk; step: Step } {
  const walk = walkOf(rules, outputs, target, request);
  assert.equal(told(walk.next()), `middleware middleware ${target}`);
  return { walk, step: walk.resume({ status, headers }) };
}

const after = (target: string, headers: Readonly<Record<string, string>>, status = 200): string =>
  told(asked(target, answer(headers, status)).step);

test('it lets pass, answers itself, or sends away', () => {
  assert.equal(after('/admin?a=1', { 'x-middleware-next': '1' }), 'admin /admin?a=1');
  assert.equal(after('/admin', {}), 'answer');
  assert.equal(after('/admin', { location: '/login' }, 307), 'answer');
  assert.equal(after('/admin', { 'x-middleware-next': '0' }, 401), 'answer');
});

test('a rewrite: the function sees the path that was asked, and the query of the rewrite', () => {
  assert.equal(after('/old?a=1', { 'x-middleware-rewrite': '/blog/x?b=2' }), 'blog/[slug] /old?b=2&nxtPslug=x');
  assert.equal(
    after('/old?a=1', { 'x-middleware-rewrite': 'https://example.com/blog/x' }),
    'blog/[slug] /old?nxtPslug=x',
  );
  assert.equal(
    after('/old', { 'x-middleware-rewrite': 'https://other.example/x?y=1' }),
    'external https://other.example/x?y=1',
  );
  assert.equal(after('/old', { 'x-middleware-rewrite': '/none' }, 404), '404 rule 404');
  assert.equal(after('/old', { 'x-middleware-rewrite': '/page' }, 404), '404 page /old');
  assert.equal(after('/old', { 'x-middleware-rewrite': 'https://[' }), '502 ROUTER_CANNOT_MATCH');
  assert.equal(after('/old', { 'x-middleware-rewrite': 'javascript:alert(1)' }), '502 ROUTER_CANNOT_MATCH');
});

test('the same host with a port, and behind TLS', () => {
  const kind = (target: string, host: string): string => {
    const decision = readMiddlewareAnswer(answer({ 'x-middleware-rewrite': target }), host);
    return decision.kind === 'go' ? (decision.rewrite?.kind ?? 'none') : decision.kind;
  };
  assert.equal(kind('http://localhost:3000/x', 'localhost:3000'), 'path');
  assert.equal(kind('http://localhost:3001/x', 'localhost:3000'), 'external');
  assert.equal(kind('https://a.example/x', 'A.example:443'), 'path');
  assert.equal(kind('https://a.example/x', 'a.example'), 'path');
  assert.equal(kind('//b.example/x', 'a.example'), 'external');
});

test('its headers go to the function and to the client, but for those of its own body', () => {
  const headers = {
    'X-User': 'ada',
    'Set-Cookie': 'a=1',
    'Content-Length': '0',
    Date: 'x',
    'content-type': 'text/html',
  };
  const { step } = asked('/admin', answer({ 'x-middleware-next': '1', ...headers, 'x-middleware-set-cookie': 'a=1' }));
  assert.ok(step.kind === 'output');
  assert.deepEqual(step.effects.responseHeaders, ['x-rule', '1', 'x-user', 'ada', 'set-cookie', 'a=1']);
  assert.deepEqual(applyEdits(['Host', 'h', 'x-user', 'client'], step.effects.requestEdits), [
    'Host',
    'h',
    'x-user',
    'ada',
    'set-cookie',
    'a=1',
    'x-middleware-set-cookie',
    'a=1',
  ]);
});

test('headers of the request that it overrides', () => {
  const { step } = asked(
    '/admin',
    answer({
      'x-middleware-next': '1',
      'x-middleware-override-headers': 'host, x-user,x-gone',
      'x-middleware-request-host': 'h',
      'x-middleware-request-x-user': 'ada',
    }),
  );
  assert.ok(step.kind === 'output');
  assert.deepEqual(applyEdits(['Host', 'h', 'X-Gone', '1', 'X-Other', '2'], step.effects.requestEdits), [
    'host',
    'h',
    'x-user',
    'ada',
  ]);
  assert.deepEqual(step.effects.responseHeaders, ['x-rule', '1'], 'the client sees none of it');
});

test('rules after it see the request as it made it', () => {
  assert.equal(after('/admin', { 'x-middleware-rewrite': '/seen', 'x-user': 'ada' }), 'page /admin?user=ada');
});

test('no spelling of a path gets past it', () => {
  for (const path of ['/%61dmin', '/ADMIN', '/%40team', '/adm%69n/']) {
    assert.match(told(walkOf(rules, outputs, path).next()), /^middleware /, path);
  }
});

test('it is asked once, and its answer is waited for', () => {
  const twice: readonly Rule[] = [
    { src: '^/.*$', middlewarePath: '/m', continue: true },
    { src: '^/.*$', middlewarePath: '/m', continue: true },
    { src: '^/.*$', middlewarePath: 'n', continue: true },
  ];
  const walk = walkOf(twice, ['a'], '/a');
  assert.throws(() => walk.resume(answer({})), /No middleware was asked/);
  assert.equal(told(walk.next()), 'middleware m /a');
  assert.throws(() => walk.next(), /cannot go on from asking/);
  assert.equal(told(walk.resume(answer({ 'x-middleware-next': '1' }))), 'middleware n /a');
  assert.equal(told(walk.resume(answer({ 'x-middleware-next': '1' }))), 'a /a');
  assert.throws(() => walk.next(), /cannot go on from ended/);
});

test('without continue what it lets pass is looked for, and no rule of the phase is for it any more', () => {
  const last: readonly Rule[] = [
    { src: '^/a$', middlewarePath: 'm' },
    { src: '^/.*$', dest: '/never' },
    { handle: 'filesystem' },
    { src: '^/(.*)$', dest: '/all' },
  ];
  const walk = (): Walk => {
    const found = walkOf(last, ['a', 'never', 'all'], '/a');
    assert.equal(told(found.next()), 'middleware m /a');
    return found;
  };
  assert.equal(told(walk().resume(answer({ 'x-middleware-next': '1' }))), 'a /a');
  assert.equal(told(walk().resume(answer({ 'x-middleware-rewrite': '/b' }))), 'all /a');
});

test('when it failed, there is the page for that', () => {
  const walk = walkOf(rules, outputs, '/admin');
  walk.next();
  assert.equal(told(walk.fail(500)), '500 failed');
  const other = walkOf(rules, outputs, '/admin');
  other.next();
  assert.equal(told(other.fail(404)), '404 failed 404');
});
