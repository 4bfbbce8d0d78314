import assert from 'node:assert/strict';
import { test } from 'node:test';
import { route, spec } from './edge.fixture.ts';
import { RouteTable } from './match.ts';

const table = (...patterns: readonly string[]): RouteTable => {
  const specs = patterns.map((pattern) => spec(pattern));
  return new RouteTable(
    patterns.map((pattern, at) => route(pattern, specs[at]!.id)),
    specs,
  );
};

const match = (from: RouteTable, target: string): string | null => {
  const found = from.match(target.split('?')[0]!, target);
  return found === null ? null : `${found.pattern} ${found.target}`;
};

test('literal before param before rest, segment by segment, in whatever order they come', () => {
  const routes = table(
    '/api/[...all]',
    '/api/[id]',
    '/api/users',
    '/api/[id]/posts',
    '/api/users/[user]',
    '/api/users/[...any]',
  );
  assert.equal(match(routes, '/api/users'), '/api/users /api/users');
  assert.equal(match(routes, '/api/7'), '/api/[id] /api/7?id=7');
  assert.equal(match(routes, '/api/7/posts'), '/api/[id]/posts /api/7/posts?id=7');
  assert.equal(match(routes, '/api/users/7'), '/api/users/[user] /api/users/7?user=7');
  assert.equal(match(routes, '/api/users/7/8'), '/api/users/[...any] /api/users/7/8?any=7/8');
  assert.equal(match(routes, '/api/7/8/9'), '/api/[...all] /api/7/8/9?all=7/8/9');
  assert.equal(match(routes, '/api'), null, 'rest is one segment or more');
  assert.equal(match(routes, '/other'), null);
});

test('a trailing slash changes nothing', () => {
  const routes = table('/api/a', '/api/[id]/b', '/');
  assert.equal(match(routes, '/api/a/'), '/api/a /api/a/');
  assert.equal(match(routes, '/api/1/b/'), '/api/[id]/b /api/1/b/?id=1');
  assert.equal(match(routes, '/'), '/ /');
  assert.equal(match(routes, '/api/a//'), null);
});

test('segments are compared decoded, and parameters go into the query encoded', () => {
  const routes = table('/api/a b', '/api/[id]/x');
  assert.equal(match(routes, '/api/a%20b'), '/api/a b /api/a%20b');
  assert.equal(match(routes, '/api/a%26b=c/x'), '/api/[id]/x /api/a%26b=c/x?id=a%26b%3Dc');
  assert.equal(match(routes, '/api/a%2Fb/x'), '/api/[id]/x /api/a%2Fb/x?id=a%2Fb');
  assert.equal(match(table('/a/b'), '/a%2fb'), null, 'an encoded slash separates nothing');
});

test('parameters follow the query; a name that the query has stays as the client sent it', () => {
  const routes = table('/[a]/[b]');
  assert.equal(match(routes, '/1/2?q=3'), '/[a]/[b] /1/2?q=3&a=1&b=2');
  assert.equal(match(routes, '/1/2?a=3'), '/[a]/[b] /1/2?a=3&b=2');
  assert.equal(match(routes, '/1/2?a=3&b=4'), '/[a]/[b] /1/2?a=3&b=4');
  assert.equal(match(routes, '/1/2?'), '/[a]/[b] /1/2?a=1&b=2');
});

test('a server takes every path as it is, the root too, behind what is more specific', () => {
  const server = spec('server', 'server');
  const api = spec('api/x');
  const alone = new RouteTable([route('/[...path]', server.id)], [server]);
  for (const target of ['/', '/a/b?c=d', '//a', '/a%2fb/']) assert.equal(match(alone, target), `/[...path] ${target}`);
  const both = new RouteTable([route('/[...path]', server.id), route('/api/[x]', api.id)], [server, api]);
  assert.equal(match(both, '/api/1'), '/api/[x] /api/1?x=1');
  assert.equal(match(both, '/'), '/[...path] /');
  assert.equal(match(both, '/b//c/'), '/[...path] /b//c/');
});

test('a route to a function that is not there leads nowhere', () => {
  assert.equal(new RouteTable([route('/a', 'nobody')], []).match('/a', '/a'), null);
});
