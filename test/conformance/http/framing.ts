import { chunked, get, lines, post, refused, served } from './case.ts';
import type { Case } from './case.ts';

/** Two lengths for one body is how requests are smuggled (RFC 9112, 6.1–6.3 and 11.2). */
const lengths: readonly Case[] = [
  refused(
    'Content-Length and Transfer-Encoding',
    post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  ),
  refused(
    'Transfer-Encoding and Content-Length',
    post(['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
  ),
  refused(
    'Content-Length 0 and Transfer-Encoding',
    post(['Content-Length: 0', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  ),
  refused(
    'Content-Length and Transfer-Encoding with a smuggled request',
    post(
      ['Content-Length: 6', 'Transfer-Encoding: chunked'],
      '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ),
  ),
  refused('two Content-Lengths, different', post(['Content-Length: 3', 'Content-Length: 4'], 'abcd')),
  refused('two Content-Lengths, the same', post(['Content-Length: 3', 'Content-Length: 3'], 'abc')),
  refused('a list of Content-Lengths', post(['Content-Length: 3, 3'], 'abc')),
  refused('a list of different Content-Lengths', post(['Content-Length: 3, 4'], 'abcd')),
  refused('a negative Content-Length', post(['Content-Length: -3'], 'abc')),
  refused('a Content-Length with a plus', post(['Content-Length: +3'], 'abc')),
  refused('a Content-Length in hexadecimal', post(['Content-Length: 0x3'], 'abc')),
  refused('a Content-Length with a fraction', post(['Content-Length: 3.0'], 'abc')),
  refused('a Content-Length with an exponent', post(['Content-Length: 3e0'], 'abc')),
  refused('a Content-Length with a space inside', post(['Content-Length: 1 0'], 'abcdefghij')),
  refused('a Content-Length with a unit', post(['Content-Length: 3B'], 'abc')),
  refused('a Content-Length that is a word', post(['Content-Length: three'], 'abc')),
  refused('an empty Content-Length', post(['Content-Length:'], '')),
  refused('a Content-Length beyond 64 bits', post(['Content-Length: 18446744073709551619'], 'abc')),
  refused('a Content-Length of very many digits', post([`Content-Length: ${'9'.repeat(300)}`], 'abc')),
  refused('a Content-Length in other digits', post(['Content-Length: \xb3'], 'abc')),
  served('Content-Length', post(['Content-Length: 5'], 'hello'), { method: 'POST', body: 'hello' }),
  served('Content-Length 0', post(['Content-Length: 0'], ''), { method: 'POST', body: '' }),
  served('Content-Length with leading zeros', post(['Content-Length: 005'], 'hello'), { body: 'hello' }),
  served('white space around Content-Length', post(['Content-Length: \t5 '], 'hello'), { body: 'hello' }),
  served('no length at all: no body', lines('POST /post HTTP/1.1', 'Host: localhost'), { method: 'POST', body: '' }),
  served('GET with a body', `${get('Content-Length: 5')}hello`, { method: 'GET', body: 'hello' }),
  served('a body that looks like a request', post(['Content-Length: 18'], 'GET / HTTP/1.1\r\n\r\n'), {
    body: 'GET / HTTP/1.1\r\n\r\n',
  }),
];

const codings: readonly Case[] = [
  refused('Transfer-Encoding identity', post(['Transfer-Encoding: identity'], ''), [400, 501]),
  refused('Transfer-Encoding gzip', post(['Transfer-Encoding: gzip'], ''), [400, 501]),
  refused('Transfer-Encoding gzip, chunked', post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'), [400, 501]),
  refused('Transfer-Encoding chunked, gzip', post(['Transfer-Encoding: chunked, gzip'], '0\r\n\r\n'), [400, 501]),
  refused(
    'Transfer-Encoding chunked, identity',
    post(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
    [400, 501],
  ),
  refused('Transfer-Encoding chunked twice', post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'), [400, 501]),
  refused(
    'two Transfer-Encodings',
    post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    [400, 501],
  ),
  refused(
    'two Transfer-Encodings, one unknown',
    post(['Transfer-Encoding: cow', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    [400, 501],
  ),
  refused('Transfer-Encoding xchunked', post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'), [400, 501]),
  refused('Transfer-Encoding "chunked"', post(['Transfer-Encoding: "chunked"'], '0\r\n\r\n'), [400, 501]),
  refused('Transfer-Encoding chunked;q=1', post(['Transfer-Encoding: chunked;q=1'], '0\r\n\r\n'), [400, 501]),
  refused('Transfer-Encoding with a trailing comma', post(['Transfer-Encoding: chunked,'], '0\r\n\r\n'), [400, 501]),
  refused('an empty Transfer-Encoding', post(['Transfer-Encoding:'], ''), [400, 501]),
  refused('Transfer-Encoding with a vertical tab', post(['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n'), [400, 501]),
  refused('Transfer-Encoding with a form feed', post(['Transfer-Encoding: chunked\x0c'], '0\r\n\r\n'), [400, 501]),
  refused('Transfer-Encoding with a space before the colon', post(['Transfer-Encoding : chunked'], '0\r\n\r\n')),
  refused('Transfer-Encoding folded', post(['Transfer-Encoding:', ' chunked'], '0\r\n\r\n'), [400, 501]),
  refused(
    'Transfer-Encoding in HTTP/1.0',
    `${lines('POST / HTTP/1.0', 'Host: localhost', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  served('Transfer-Encoding in capitals', post(['Transfer-Encoding: CHUNKED'], '5\r\nhello\r\n0\r\n\r\n'), {
    body: 'hello',
  }),
];

const bad = (name: string, body: string): Case => refused(`chunk: ${name}`, chunked(body));

/** RFC 9112, 7.1. */
const chunks: readonly Case[] = [
  served('chunked', chunked('5\r\nhello\r\n0\r\n\r\n'), { body: 'hello', headers: { 'transfer-encoding': null } }),
  served('several chunks', chunked('2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'), { body: 'hello' }),
  served('an empty chunked body', chunked('0\r\n\r\n'), { body: '' }),
  served('a chunk size in capitals', chunked('A\r\n0123456789\r\n0\r\n\r\n'), { body: '0123456789' }),
  served('a chunk size with leading zeros', chunked('0005\r\nhello\r\n000\r\n\r\n'), { body: 'hello' }),
  served('a chunk extension', chunked('5;name=value\r\nhello\r\n0\r\n\r\n'), { body: 'hello' }),
  served('a chunk extension in quotes', chunked('5;name="a b"\r\nhello\r\n0\r\n\r\n'), { body: 'hello' }),
  served('a chunk extension without a value', chunked('5;name\r\nhello\r\n0\r\n\r\n'), { body: 'hello' }),
  served('a trailer is dropped', chunked('5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n'), {
    body: 'hello',
    headers: { 'x-trailer': null },
  }),
  served('a chunk that looks like the end', chunked('5\r\n0\r\n\r\n\r\n0\r\n\r\n'), { body: '0\r\n\r\n' }),
  bad('a size that is no number', 'x\r\nhello\r\n0\r\n\r\n'),
  bad('a negative size', '-5\r\nhello\r\n0\r\n\r\n'),
  bad('a size with a plus', '+5\r\nhello\r\n0\r\n\r\n'),
  bad('a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'),
  bad('a size with a space before', ' 5\r\nhello\r\n0\r\n\r\n'),
  bad('a size with an underscore', '0_5\r\nhello\r\n0\r\n\r\n'),
  bad('a size beyond 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  bad('an empty size', '\r\nhello\r\n0\r\n\r\n'),
  bad('a size without CR', '5\nhello\r\n0\r\n\r\n'),
  bad('a size with CR alone', '5\rhello\r\n0\r\n\r\n'),
  bad('more data than its size', '3\r\nhello\r\n0\r\n\r\n'),
  bad('less data than its size', '7\r\nhello\r\n0\r\n\r\n'),
  bad('data without CRLF', '5\r\nhello0\r\n\r\n'),
  bad('data with LF alone', '5\r\nhello\n0\r\n\r\n'),
  bad('data with CR alone', '5\r\nhello\rX0\r\n\r\n'),
  bad('an extension with CR alone', '5;a\rb\r\nhello\r\n0\r\n\r\n'),
  bad('an extension with LF alone', '5;a\nb\r\nhello\r\n0\r\n\r\n'),
  bad('an extension with a NUL', '5;a\0b\r\nhello\r\n0\r\n\r\n'),
  bad('an extension of 64 KiB', `5;${'a'.repeat(65_536)}\r\nhello\r\n0\r\n\r\n`),
  bad('a trailer without a colon', '0\r\nX-Trailer\r\n\r\n'),
  bad('a trailer with a space before the colon', '0\r\nX-Trailer : a\r\n\r\n'),
  bad('a trailer with a NUL', '0\r\nX-Trailer: a\0b\r\n\r\n'),
];

export const framingCases: readonly Case[] = [...lengths, ...codings, ...chunks];
