// What a client makes of what rules leave open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../model/routing.ts';
import { headerOf, route, told, walkOf } from './routing.fixture.ts';

test('a redirect stays on its host, whatever slashes and backslashes follow', () => {
  const back: Rule = { src: '^/b$', has: [{ type: 'query', key: 'to' }], headers: { Location: '/$to' }, status: 307 };
  const written: Rule = { src: '^/c$', headers: { Location: '/\\other.example/$0' }, status: 307 };
  for (const to of ['%5Cevil.example', '\\evil.example', '/%5Cevil.example', '%5C%5C/evil.example']) {
    const location = route([back], [], `/b?to=${to}`).slice('307 -> '.length);
    assert.equal(new URL(location, 'http://own.example').host, 'own.example', location);
  }
  assert.match(route([written], [], '/c'), /^307 -> \/\\other/, 'what the rule itself says is left alone');
});

test('nobody makes a host that is written out another', () => {
  const rules: Rule[] = [{ src: '^/api(?<rest>.*)$', dest: 'https://api.internal$rest' }];
  assert.equal(route(rules, [], '/api/users'), 'external https://api.internal/users');
  assert.equal(route(rules, [], '/api'), 'external https://api.internal');
  assert.equal(route(rules, [], '/api.evil.test'), '502 ROUTER_CANNOT_MATCH');
});

test('a host is the same with a dot at its end', () => {
  const rules: Rule[] = [{ src: '^/.*$', has: [{ type: 'host', value: 'admin\\.example' }], status: 403 }];
  for (const host of ['admin.example', 'Admin.Example.', 'admin.example.:80']) {
    assert.equal(route(rules, ['a'], '/a', { host }), '403 rule', host);
  }
});

test('names of the environment are replaced in destinations and headers of rules that say so', () => {
  const environment = { TOKEN: 'one', TOKEN_2: 'two', API: 'api.example:8080' };
  const env = ['TOKEN', 'TOKEN_2', 'API'];
  const rules: Rule[] = [
    { src: '^/a$', headers: { 'x-token': '$TOKEN_2-$TOKEN' }, env, continue: true },
    { src: '^/a$', dest: '/b?t=$TOKEN', env },
    { src: '^/c$', dest: 'http://$API/$TOKEN', env },
    { src: '^/d$', dest: '/b?t=$TOKEN' },
  ];
  const found = walkOf(rules, ['b'], '/a', { environment }).next();
  assert.equal(headerOf(found, 'x-token'), 'two-one');
  assert.equal(told(found), 'b /a?t=one');
  assert.equal(route(rules, [], '/c', { environment }), 'external http://api.example:8080/one');
  assert.equal(route(rules, ['b'], '/d', { environment }), 'b /d?t=$TOKEN');
});

test('a target is ASCII, whatever the destination is written in', () => {
  assert.equal(route([{ src: '^/a$', dest: '/b?word=\u65e5 \n' }], ['b'], '/a'), 'b /a?word=%E6%97%A5%20%0A');
});
