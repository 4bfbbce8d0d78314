import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { HostTable, isLocalName, isLoopbackName, parseHost, sameAuthority } from './host.ts';

test('names, addresses, ports', () => {
  assert.deepEqual(parseHost('Example.COM:8080'), { name: 'example.com', port: 8080 });
  assert.deepEqual(parseHost('example.com.'), { name: 'example.com', port: null });
  assert.deepEqual(parseHost('[::1]:3000'), { name: '::1', port: 3000 });
  for (const value of [
    '',
    'a b',
    'a@b',
    'a/b',
    'a,b',
    'a:0',
    'a:65536',
    'a:x',
    '[::g]',
    '[1.2.3.4]',
    '::1',
    '.a',
    '.',
  ]) {
    assert.equal(parseHost(value), null, value);
  }
});

test('the same authority', () => {
  assert.ok(sameAuthority('a', 'A:80'));
  assert.ok(sameAuthority('a.:8080', 'a:8080'));
  assert.ok(!sameAuthority('a', 'a:81'));
  assert.ok(!sameAuthority('a', 'b'));
  assert.ok(!sameAuthority('u@a', 'u@a'));
});

test('names of this machine', () => {
  for (const name of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopbackName(name), name);
  for (const name of ['hello.localhost', '127.0.0.1.evil.test', '128.0.0.1', 'localhost.evil.test'])
    assert.ok(!isLoopbackName(name), name);
  assert.ok(isLocalName('hello.localhost'));
  assert.ok(!isLocalName('localhost.evil.test'));
});

test('a table finds its names, else its fallback, however many hosts it is asked for', () => {
  const table = new HostTable(new Map([['a.test', 'A']]), 'any');
  const strict = new HostTable(new Map([['a.test', 'A']]), null);
  assert.equal(table.find('A.test:3000')?.place, 'A');
  assert.equal(strict.find('b.test')?.place, null);
  assert.equal(table.find('b c'), null);
  for (let at = 0; at < limits.hostMemoEntries * 2 + 5; at += 1) assert.equal(table.find(`h${at}.test`)?.place, 'any');
  assert.equal(table.find('a.test')?.place, 'A');
});
