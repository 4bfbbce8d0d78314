import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localeRedirect } from './locale.ts';

const paths = { redirect: { en: '/', de: '/de', 'fr-CA': '/fr-CA' }, cookie: 'NEXT_LOCALE' };
const domains = {
  redirect: { en: 'https://example.com/', de: 'https://example.de/', 'de-AT': 'https://example.de/de-AT' },
  cookie: 'NEXT_LOCALE',
};

const at = (
  rule: typeof paths | typeof domains,
  {
    path = '/',
    hostname = 'example.com',
    cookie,
    accepted,
  }: { path?: string; hostname?: string; cookie?: string; accepted?: string },
): string | null => localeRedirect(rule, { path, hostname, cookie, accepted });

test('by the languages that the browser prefers, the best first', () => {
  assert.equal(at(paths, { accepted: 'de' }), '/de');
  assert.equal(at(paths, { accepted: 'en;q=0.5, DE;q=0.9' }), '/de');
  assert.equal(at(paths, { accepted: 'de-AT' }), '/de', 'a language where there is no region');
  assert.equal(at(paths, { accepted: 'fr' }), '/fr-CA', 'a region where there is only that');
  assert.equal(at(paths, { accepted: 'es, de;q=0' }), null);
  assert.equal(at(paths, { accepted: '' }), null);
  assert.equal(at(paths, {}), null);
});

test('the cookie before the browser, a locale that it does not have counts for nothing', () => {
  assert.equal(at(paths, { accepted: 'en', cookie: 'de' }), '/de');
  assert.equal(at(paths, { accepted: 'de', cookie: 'xx' }), '/de');
  assert.equal(at(paths, { accepted: 'de', cookie: 'en' }), null, 'English is here');
});

test('nobody is sent to where they are', () => {
  assert.equal(at(paths, { accepted: 'de', path: '/de' }), null);
  assert.equal(at(paths, { accepted: 'en', path: '/' }), null);
  assert.equal(at(domains, { accepted: 'de', hostname: 'example.de' }), null);
  assert.equal(at(domains, { accepted: 'en', hostname: 'example.com' }), null);
});

test('a domain of its own; the locale in the path was chosen', () => {
  assert.equal(at(domains, { accepted: 'de' }), 'https://example.de/');
  assert.equal(at(domains, { accepted: 'en', path: '/de' }), 'https://example.de/');
  assert.equal(at(domains, { accepted: 'de', path: '/en' }), null);
});
