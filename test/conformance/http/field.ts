import { answered, get, lines, post, refused, served, servedThenClosed } from './case.ts';
import type { Case } from './case.ts';

const wrong = (name: string, field: string): Case => refused(`field: ${name}`, get(field));

/** RFC 9110, 5 and RFC 9112, 5. */
const syntax: readonly Case[] = [
  wrong('a space before the colon', 'X-A : b'),
  wrong('a tab before the colon', 'X-A\t: b'),
  wrong('no colon', 'X-A b'),
  wrong('no name', ': b'),
  wrong('a name of a space', ' : b'),
  wrong('a space in the name', 'X A: b'),
  wrong('a name in brackets', 'X(A): b'),
  wrong('a name with a slash', 'X/A: b'),
  wrong('a name with an at', 'X@A: b'),
  wrong('a name with quotes', '"XA": b'),
  wrong('a name with a NUL', 'X\0A: b'),
  wrong('a name with a control character', 'X\x01A: b'),
  wrong('a name beyond ASCII', 'X\xe9A: b'),
  wrong('a NUL in the value', 'X-A: a\0b'),
  wrong('a control character in the value', 'X-A: a\x01b'),
  wrong('DEL in the value', 'X-A: a\x7fb'),
  wrong('CR alone in the value', 'X-A: a\rb'),
  wrong('LF alone in the value', 'X-A: a\nX-B: b'),
  wrong('obsolete folding', 'X-A: a\r\n b'),
  wrong('obsolete folding with a tab', 'X-A: a\r\n\tb'),
  wrong('obsolete folding of nothing', 'X-A:\r\n b'),
  refused('a folded line first', lines('GET / HTTP/1.1', ' X-A: b', 'Host: localhost')),
  refused('a folded Host', lines('GET / HTTP/1.1', 'Host:', ' localhost')),
  refused('lines with LF alone', 'GET / HTTP/1.1\nHost: localhost\n\n'),
  refused('the last line with LF alone', 'GET / HTTP/1.1\r\nHost: localhost\r\n\n'),
  refused('the last line with CR alone', 'GET / HTTP/1.1\r\nHost: localhost\r\n\rX'),
  refused('a head that is too large', get(`X-A: ${'a'.repeat(40_000)}`), [431]),
  refused('too many fields', get(...Array.from({ length: 300 }, (_, at) => `X-${at}: a`)), [431]),
  refused('very many fields', get(...Array.from({ length: 5000 }, (_, at) => `X-${at}: a`)), [431]),
  served('many fields', get(...Array.from({ length: 200 }, (_, at) => `X-${at}: a`)), { headers: { 'x-199': 'a' } }),
  served('a large field', get(`X-A: ${'a'.repeat(16_000)}`), { headers: { 'x-a': 'a'.repeat(16_000) } }),
  served('an empty value', get('X-A:'), { headers: { 'x-a': '' } }),
  served('white space around a value', get('X-A: \t a b \t '), { headers: { 'x-a': 'a b' } }),
  served('a value beyond ASCII', get('X-A: caf\xe9'), { headers: { 'x-a': 'caf\xe9' } }),
  served('a name of all token characters', get("!#$%&'*+-.^_`|~09az: b"), { headers: { "!#$%&'*+-.^_`|~09az": 'b' } }),
];

/** RFC 9110, 7.6.1; the platform's own names (what the client says of them is not believed). */
const passing: readonly Case[] = [
  served('what Connection names is dropped', get('Connection: x-a, keep-alive', 'X-A: b'), {
    headers: { 'x-a': null, connection: null },
  }),
  served('Connection cannot drop Host', get('Connection: host'), { headers: { host: 'localhost' } }),
  served('Connection cannot drop what the platform says', get('Connection: x-real-ip, x-forwarded-for'), {
    headers: { 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '127.0.0.1' },
  }),
  served('Connection cannot drop Content-Length', post(['Connection: content-length', 'Content-Length: 5'], 'hello'), {
    body: 'hello',
    headers: { 'content-length': '5' },
  }),
  served(
    'hop-by-hop fields',
    get('Keep-Alive: timeout=5', 'TE: trailers', 'Trailer: X-A', 'Proxy-Connection: keep-alive'),
    {
      headers: { 'keep-alive': null, te: null, trailer: null, 'proxy-connection': null },
    },
  ),
  served('proxy fields', get('Proxy-Authorization: Basic eDp5', 'Proxy: http://evil.example'), {
    headers: { 'proxy-authorization': null, proxy: null },
  }),
  served('x-forwarded-for is not believed', get('X-Forwarded-For: 9.9.9.9'), {
    headers: { 'x-forwarded-for': '127.0.0.1' },
  }),
  served('x_forwarded_for neither', get('X_Forwarded_For: 9.9.9.9'), { headers: { x_forwarded_for: null } }),
  served(
    'nor x-real-ip, -host, -proto',
    get('X-Real-IP: 9.9.9.9', 'X-Forwarded-Host: evil', 'X-Forwarded-Proto: https'),
    {
      headers: { 'x-real-ip': '127.0.0.1', 'x-forwarded-host': 'localhost', 'x-forwarded-proto': 'http' },
    },
  ),
  served('nor Forwarded', get('Forwarded: for=9.9.9.9'), { headers: { forwarded: null } }),
  served('nor geolocation', get('X-Vercel-IP-Country: XX', 'x-vercel-ip-city: y'), {
    headers: { 'x-vercel-ip-country': null, 'x-vercel-ip-city': null },
  }),
  served('internal names', get('X-Vercel-Internal-Deadline: 1', 'X-Weir-Invocation: 2', 'X-Vercel-SC-Host: evil'), {
    headers: { 'x-vercel-internal-deadline': null, 'x-weir-invocation': null, 'x-vercel-sc-host': null },
  }),
  served('tokens only the platform gives', get('X-Vercel-OIDC-Token: t', 'X-Vercel-Cron-Schedule: * * * * *'), {
    headers: { 'x-vercel-oidc-token': null, 'x-vercel-cron-schedule': null },
  }),
  served(
    'nor where a proxy routed it, nor what middleware said',
    get(
      'X-Matched-Path: /admin',
      'x-now-route-matches: 1=a',
      'X-Invocation-Id: theirs',
      'X-Middleware-Subrequest: m',
      'x-invoke-path: /',
    ),
    {
      headers: {
        'x-matched-path': null,
        'x-now-route-matches': null,
        'x-invocation-id': null,
        'x-middleware-subrequest': null,
        'x-invoke-path': null,
      },
    },
  ),
  served(
    'nor that it is the edge that asks for the rest of a page',
    get('Next-Resume: 1', 'x-next-resume-state-length: 0', 'X_Next_Resume_State_Length: 0'),
    {
      headers: { 'next-resume': null, 'x-next-resume-state-length': null, x_next_resume_state_length: null },
    },
  ),
  served('nor x-vercel names that nobody knows yet', get('X-Vercel-Signature: a', 'x_vercel_signature: b'), {
    headers: { 'x-vercel-signature': null, x_vercel_signature: null },
  }),
  served("a client's own x-vercel names pass", get('X-Vercel-Protection-Bypass: s'), {
    headers: { 'x-vercel-protection-bypass': 's' },
  }),
];

/** RFC 9110, 7.8 and 10.1.1; RFC 9112, 9. */
const connection: readonly Case[] = [
  servedThenClosed('Connection: close', get('Connection: close')),
  servedThenClosed('Connection: Close among others', get('Connection: X-A, Close')),
  served('Connection: keep-alive', get('Connection: keep-alive')),
  served('HTTP/1.0 with keep-alive', lines('GET /a HTTP/1.0', 'Host: localhost', 'Connection: keep-alive')),
  served(
    'an upgrade to HTTP/2 is ignored',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA'),
    {
      headers: { upgrade: null },
    },
  ),
  served('Upgrade that Connection does not name', get('Upgrade: websocket'), { headers: { upgrade: null } }),
  served('an upgrade with a body is none', `${get('Connection: Upgrade', 'Upgrade: x', 'Content-Length: 2')}hi`, {
    body: 'hi',
    headers: { upgrade: null },
  }),
  servedThenClosed(
    'an upgrade in HTTP/1.0',
    lines('GET / HTTP/1.0', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: x'),
  ),
  served('Expect: 100-continue', post(['Expect: 100-continue', 'Content-Length: 5'], 'hello'), {
    body: 'hello',
    headers: { expect: null },
  }),
  refused('another Expect', post(['Expect: 200-ok', 'Content-Length: 0'], ''), [417]),
  answered('a host nobody has', lines('GET / HTTP/1.1', 'Host: nobody.test'), [404]),
];

export const fieldCases: readonly Case[] = [...syntax, ...passing, ...connection];
