import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { type Captured, compileTemplate, expand, toPath } from './template.ts';

const names = { groups: 2, names: ['pathname', 'path', 'tenant'], environment: ['TOKEN_2', 'TOKEN'] };

const captured = (values: Readonly<Record<string, string>> = {}, path = '/a%20b/c&d'): Captured => ({
  match: /^\/([^/]+)\/(?<path>[^/]+)$/.exec(path)!,
  names: ['path', ...Object.keys(values)],
  values,
});

const filled = (
  text: string,
  form: Parameters<typeof expand>[2] = 'path',
  values: Readonly<Record<string, string>> = {},
): string | null => expand(compileTemplate(text, names), captured(values), form, { TOKEN: 'secret', TOKEN_2: 'other' });

test('numbers and names are replaced; the longest name there is counts', () => {
  assert.equal(filled('/x/$1/$path.rsc'), '/x/a%20b/c&d.rsc');
  assert.equal(filled('$path$path'), 'c&dc&d');
  assert.equal(filled('/_isr?path=$0', 'query'), '/_isr?path=%2Fa%20b%2Fc%26d');
  assert.equal(filled('/$pathname', 'path', { pathname: 'long' }), '/long');
  assert.equal(filled('/$TOKEN_2-$TOKEN'), '/other-secret');
});

test('what the rule cannot have is text', () => {
  for (const text of ['costs $5', '$', '$$', '$unknown', 'a$', '$3', '$10']) assert.equal(filled(text), text);
  assert.equal(filled('$$1'), '$a%20b');
});

test('a group that took no part is empty', () => {
  const template = compileTemplate('/a$1/$rest', { groups: 1, names: ['rest'], environment: [] });
  assert.equal(
    expand(template, { match: /^\/(?<rest>x)?/.exec('/')!, names: ['rest'], values: {} }, 'path', {}),
    '/a/',
  );
});

test('pieces of a path are encoded for a query; route parameters of Next.js once more, since it decodes once more', () => {
  assert.equal(filled('$1-$path', 'query'), 'a%20b-c%26d');
  assert.equal(filled('$1-$path', 'kept'), 'a%2520b-c%26d');
});

test('values of headers, cookies and the query cannot end a path or a header', () => {
  const tenant = 'a b?c#d/é\r\nx: y%zz%20';
  assert.equal(filled('/$tenant', 'path', { tenant }), '/a%20b%3Fc%23d/%C3%A9%0D%0Ax:%20y%25zz%20');
  assert.doesNotMatch(filled('$tenant', 'header', { tenant })!, /[^\x20-\x7e]/);
  assert.equal(filled('$tenant', 'header', { tenant: 'plain, value' }), 'plain, value');
  assert.equal(filled('$tenant', 'query', { tenant: 'a&b=\ud800' }), 'a%26b%3D%EF%BF%BD');
  assert.equal(toPath('/a/$d$slug'), '/a/$d$slug');
});

test('nobody chooses a host that the rule does not leave open', () => {
  assert.equal(filled('https://$tenant.example.com', 'authority', { tenant: 'one' }), 'https://one.example.com');
  for (const tenant of ['evil.com/', 'a@b', 'evil.com:80', 'evil.com?', '/evil.com', 'evil.com#']) {
    assert.equal(filled('https://$tenant.example.com', 'authority', { tenant }), null, tenant);
    assert.equal(filled('https://$tenant', 'authority', { tenant }), null, tenant);
  }
  assert.equal(filled('https://example.com$tenant', 'authority', { tenant: '/a/b' }), 'https://example.com/a/b');
});

test('a host that is written out is not made longer, only one that is left open', () => {
  for (const tenant of ['.evil.test', '-x.evil.test', 'x', ':80']) {
    for (const text of ['https://api.internal$tenant', 'https://api.internal$path$tenant', 'https://a.b$tenant:8080']) {
      const values = { tenant };
      const template = compileTemplate(text, names);
      assert.equal(expand(template, { ...captured(values, '/a/'), match: [''] as never }, 'authority', {}), null, text);
    }
  }
  const filledHost = (text: string, tenant: string): string | null => filled(text, 'authority', { tenant });
  assert.equal(filledHost('https://api.internal$tenant', ''), 'https://api.internal');
  assert.equal(filledHost('https://api.internal$tenant', '/a'), 'https://api.internal/a');
  assert.equal(filledHost('https://$tenant', 'open.test'), 'https://open.test');
  assert.equal(filledHost('https://eu.$tenant', 'open.test'), 'https://eu.open.test');
  assert.equal(filledHost('https://eu-$tenant.example.com', 'x'), 'https://eu-x.example.com');
  assert.equal(filledHost('http://a.b:$tenant', '3000'), 'http://a.b:3000');
  assert.equal(filledHost('http://a.b:$tenant', '80.evil.test'), null);
  assert.equal(filled('https://a$TOKEN', 'authority'), 'https://asecret');
  const own = compileTemplate('http://$TOKEN', names);
  assert.equal(expand(own, captured(), 'authority', { TOKEN: 'localhost:3000' }), 'http://localhost:3000');
  assert.equal(expand(own, captured(), 'authority', { TOKEN: 'a@b' }), null);
});

test('no piece of it makes a text too long', () => {
  const template = compileTemplate('$1'.repeat(2000), names);
  const long = captured({}, `/${'a'.repeat(10_000)}/b`);
  assert.equal(expand(template, long, 'path', {}), null);
  assert.equal(expand(compileTemplate('$1', names), long, 'path', {})!.length, 10_000);
  assert.ok(limits.routedTextChars > 10_000);
});
