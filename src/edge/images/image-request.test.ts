import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Images } from '../../model/routing.ts';
import { isPrivateAddress } from './address.ts';
import { chooseFormat, parseImageRequest } from './image-request.ts';

const images: Images = {
  sizes: [640],
  qualities: [75],
  domains: ['exact.test'],
  remotePatterns: [
    { protocol: 'https', hostname: '^(?:.*\\.)?wild\\.test$', port: '', pathname: '^/img/.*$', search: null },
    { protocol: null, hostname: 'plain\\.test', port: '8080', pathname: null, search: '?v=1' },
    { protocol: null, hostname: '(', port: null, pathname: null, search: null },
  ],
  localPatterns: null,
  minimumCacheTtlS: 60,
  formats: ['image/avif', 'image/webp'],
  dangerouslyAllowSvg: false,
  contentSecurityPolicy: null,
  contentDisposition: 'inline',
};

const read = (url: string, config: Partial<Images> = {}): string => {
  const query = new URLSearchParams({ url, w: '640', q: '75' }).toString();
  const parsed = parseImageRequest({ ...images, ...config }, query, undefined);
  if (!parsed.ok) return 'refused';
  const { source } = parsed.request;
  return source.kind === 'local' ? source.path : source.url.href;
};

test('where an image may be', () => {
  for (const url of [
    '/a.png',
    '/a.png?v=1',
    'http://exact.test/x',
    'https://a.wild.test/img/x',
    'http://plain.test:8080/?v=1',
  ])
    assert.equal(read(url), url);
  assert.equal(read('https://wild.test/img/x#part'), 'https://wild.test/img/x');
  for (const url of [
    '//exact.test/x',
    '/\\exact.test/x',
    '\\\\exact.test/x',
    '/a\tb',
    'a.png',
    'ftp://exact.test/x',
    'data:image/png;base64,xx',
    'http://other.test/',
    'http://exact.test.evil/',
    'http://a.wild.test/img/x',
    'https://a.wild.test/other',
    'https://a.wild.test:444/img/x',
    'https://wild.test@evil.test/img/x',
    'https://u:p@a.wild.test/img/x',
    'http://xplain.test:8080/?v=1',
    'http://plain.test.evil:8080/?v=1',
    'http://plain.test:8080/?v=2',
    '/_next/image?url=/a',
    '/_vercel/image?url=/a',
    '/_next/%69mage?url=/a',
    '/x/../_vercel/image',
    '/%E0%A4%A',
    `/${'a'.repeat(4000)}`,
  ])
    assert.equal(read(url), 'refused', url);
});

test('local patterns', () => {
  const localPatterns = [{ pathname: '^/assets/.*$', search: '' }];
  assert.equal(read('/assets/a.png', { localPatterns }), '/assets/a.png');
  for (const url of ['/other/a.png', '/assets/a.png?x', '/assets/../other/a.png'])
    assert.equal(read(url, { localPatterns }), 'refused');
  assert.equal(read('/a.png', { localPatterns: [] }), 'refused');
  assert.equal(read('/a.png?x', { localPatterns: [{ pathname: null, search: null }] }), '/a.png?x');
});

test('width and quality', () => {
  const ok = (query: string, config: Partial<Images> = {}): boolean =>
    parseImageRequest({ ...images, ...config }, `url=/a.png&${query}`, undefined).ok;
  assert.ok(ok('w=640&q=75'));
  assert.ok(ok('w=640&q=1', { qualities: null }));
  for (const query of [
    'w=640',
    'q=75',
    'w=641&q=75',
    'w=640&q=74',
    'w=640&w=640&q=75',
    'w=640.0&q=75',
    'w=+640&q=75',
    'w=&q=75',
    'w=640&q=75&url=/b',
  ])
    assert.equal(ok(query), false, query);
  for (const q of ['0', '101', '-1', '1e1']) assert.equal(ok(`w=640&q=${q}`, { qualities: null }), false);
});

test('whatever is asked, it is told', () => {
  fc.assert(
    fc.property(fc.constantFrom('/', 'http://', 'https://a.wild.test/', ''), fc.string(), (start, rest) => {
      parseImageRequest(images, rest, rest);
      parseImageRequest(images, `url=${encodeURIComponent(start + rest)}&w=640&q=75`, rest);
    }),
  );
});

test('the form of an image', () => {
  assert.equal(chooseFormat(['image/avif', 'image/webp'], 'image/WEBP ; q=0.9 , image/avif'), 'image/avif');
  assert.equal(chooseFormat(['image/webp'], 'image/avif,image/*,*/*'), null);
  assert.equal(chooseFormat(['image/webp'], 'image/webp;q=0.000'), null);
  assert.equal(chooseFormat(['image/webp'], undefined), null);
});

test('addresses inside private networks', () => {
  for (const address of [
    '10.1.2.3',
    '127.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '255.255.255.255',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1%eth0',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'not an address',
    '',
  ])
    assert.ok(isPrivateAddress(address), address);
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450::1'])
    assert.equal(isPrivateAddress(address), false, address);
});
