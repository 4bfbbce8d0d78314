import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../base/limits.ts';
import type { Rule } from '../../model/routing.ts';
import { compileRouting, routingFaults } from './compile.ts';
import { nextRules } from './next.fixture.ts';
import { compilePattern, matchPath } from './pattern.ts';
import { routing } from './routing.fixture.ts';

const faultsOf = (...rules: readonly Rule[]): readonly string[] => routingFaults(routing(rules));

test('rules go into their phases', () => {
  const { phases, wildcards } = compileRouting(
    routing(
      [{ src: '^/a$' }, { handle: 'miss' }, { src: '^/b$' }, { src: '^/c$' }, { handle: 'error' }, { src: '^/d$' }],
      [{ domain: 'Example.DE', value: '/de' }],
    ),
  );
  assert.deepEqual(
    Object.entries(phases).map(([name, rules]) => [name, rules.map(({ pattern }) => pattern.regexp.source)]),
    [
      ['start', ['^\\/a$']],
      ['filesystem', []],
      ['resource', []],
      ['miss', ['^\\/b$', '^\\/c$']],
      ['rewrite', []],
      ['hit', []],
      ['error', ['^\\/d$']],
    ],
  );
  assert.equal(wildcards.get('example.de'), '/de');
});

test('every fault has the rule and the reason', () => {
  const bad = { src: 7 } as unknown as Rule;
  const faults = faultsOf(
    { src: '^/fine$' },
    { src: '^/(open' },
    bad,
    { src: `^/${'a'.repeat(limits.routingPatternChars)}$` },
    { src: '^/a$', dest: `/${'a'.repeat(limits.routingPatternChars)}` },
    { src: '^/a$', has: [{ type: 'header', key: 'x', value: '(' }] },
    { src: '^/a$', missing: [{ type: 'host', value: { re: '[' } }] },
    { src: '^/a$', headers: { 'x y': '1' } },
    { src: '^/a$', headers: { x: 'a\r\nb: c' } },
    { handle: 'hit' },
    { handle: 'hit' },
    { handle: 'nowhere' } as unknown as Rule,
    { src: '^/a$', middlewarePath: 'm' },
  );
  const expected = [
    /^routes\[1\] \(src "\^\/\(open"\): Invalid regular expression/,
    /^routes\[2\] \(src 7\): it has to be a string/,
    /^routes\[3\] \(src "\^\/a{197}…\): src has 4099 characters, and 4096 is the most/,
    /^routes\[4\] .*: dest has 4097 characters/,
    /^routes\[5\] .*: Invalid regular expression/,
    /^routes\[6\] .*: Invalid regular expression/,
    /^routes\[7\] .*: headers: "x y" is no name of a header/,
    /^routes\[8\] .*: headers\.x: it has control characters/,
    /^routes\[10\]: the phase hit begins a second time/,
    /^routes\[11\]: there is no phase "nowhere"/,
    /^routes\[12\] .*: a middleware cannot be asked in the phase hit/,
  ];
  assert.equal(faults.length, expected.length, faults.join('\n'));
  expected.forEach((pattern, at) => assert.match(faults[at]!, pattern));
});

test('what cannot be compiled is refused with the first fault, too many rules likewise', () => {
  assert.throws(() => compileRouting(routing([{ src: '^/(?<a>x)(?<a>y)$' }])), /routes\[0\].*Duplicate/);
  const many = Array.from({ length: limits.routingRules + 1 }, (): Rule => ({ src: '^/a$' }));
  assert.deepEqual(faultsOf(...many), [`routes: ${many.length} rules, and ${limits.routingRules} is the most`]);
  assert.deepEqual(faultsOf(...nextRules({ extra: 20, middleware: true })), []);
});

const prefixes: readonly (readonly [src: string, prefix: string])[] = [
  ['^/about$', '/about'],
  ['^/Blog/([^/]+)$', '/blog/'],
  ['^\\/_next\\/static\\/.+$', '/_next/static/'],
  ['^/favicon\\.ico$', '/favicon.ico'],
  ['^/blog(?:/(.*))?$', '/blog'],
  ['^/abc?$', '/ab'],
  ['^/abc*$', '/ab'],
  ['^/abc{0,1}$', '/ab'],
  ['^/abc\\d$', '/abc'],
  ['^/a\\b', '/a'],
  ['^/?$', ''],
  ['^/$', ''],
  ['^/a|^/b$', ''],
  ['^/a(?:b|c)$', '/a'],
  ['^/a[|]$', '/a'],
  ['^(?:/a)?$', ''],
  ['/a', ''],
  ['^/é', ''],
  ['^(?!/_next)/old/(.*)$', '/old/'],
  ['^(?!\\/(?:a|b\\)))(?=/[)]?)/old$', '/old'],
  ['^(?:/a)/b$', ''],
  ['^(?!/x)(?:/a)$', ''],
];

test('what every match begins with is known, and nothing more', () => {
  for (const [src, prefix] of prefixes) assert.equal(compilePattern(src, false).prefix, prefix, src);
  assert.equal(compilePattern('^/Blog$', true).prefix, '/Blog');
});

const lasts: readonly (readonly [src: string, last: string])[] = [
  ['^/(.*)/$', '/'],
  ['^/(.*)\\/$', '/'],
  ['^(.+)/\\.RSC$', 'c'],
  ['^/a\\.$', '.'],
  ['^/a\\d$', ''],
  ['^/a\\\\b$', ''],
  ['^/a.$', ''],
  ['^/a(b)$', ''],
  ['^/a[b]$', ''],
  ['^/ab?$', ''],
  ['^/a|/b$', ''],
  ['^/a\\$', ''],
  ['^/a', ''],
  ['^/a-$', ''],
];

test('what every match ends with is known, and nothing more', () => {
  for (const [src, last] of lasts) assert.equal(compilePattern(src, false).last, last, src);
});

test('a look at the ends of a path never takes a match away', () => {
  const piece = fc.constantFrom(
    '/',
    'a',
    'B',
    '.',
    '\\/',
    '\\.',
    '\\d',
    '(?!/x)',
    '(a|/)',
    '(?:b)',
    '[ab]',
    '|',
    '1',
    '-',
  );
  const mark = fc.constantFrom('', '', '', '?', '*', '+', '{1}', '{0,2}');
  const source = fc.array(fc.tuple(piece, mark), { maxLength: 6 }).map((pieces) => `^${pieces.flat().join('')}$`);
  const path = fc
    .array(fc.constantFrom('/', 'a', 'b', 'B', '.', '1', '-', 'x'), { maxLength: 6 })
    .map((all) => `/${all.join('')}`);
  let matched = 0;
  fc.assert(
    fc.property(source, path, fc.boolean(), (src, asked, caseSensitive) => {
      let plain: RegExp;
      try {
        plain = new RegExp(src, caseSensitive ? '' : 'i');
      } catch {
        return;
      }
      if (plain.exec(asked) === null) return;
      matched += 1;
      assert.ok(matches(src, asked, caseSensitive), `${src} ${asked}`);
    }),
    { numRuns: 8_000, seed: 3 },
  );
  assert.ok(matched > 100, `${matched} matched`);
});

const matches = (src: string, path: string, caseSensitive = false): boolean =>
  matchPath(compilePattern(src, caseSensitive), path, path.toLowerCase()) !== null;

test('case counts only where a rule says so', () => {
  assert.ok(matches('^/Blog$', '/bLOG'));
  assert.ok(!matches('^/Blog$', '/blog', true));
  assert.ok(matches('^/Blog$', '/Blog', true));
});

test('a pattern written without the slash of paths is tried without it; no other is', () => {
  assert.ok(matches('^api/(.*)$', '/api/x'));
  assert.ok(matches('^(?:api|rpc)/(.*)$', '/rpc/x'));
  assert.ok(matches('^(?<name>api)$', '/api'));
  assert.ok(!matches('^(?!/api).*$', '/api/x'), 'else it would match api/x');
  assert.ok(!matches('^[^/].*$', '/x'));
});
