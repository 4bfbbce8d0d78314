import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { read } from '../../e2e/weir.ts';
import type { Behaviours } from './behaviours.ts';
import { later } from './rig.ts';

const kept = ['x-plain', 'x-latin', 'x-empty', 'x-quoted', 'x-long'] as const;
const odd: Readonly<Record<(typeof kept)[number], string>> = {
  'x-plain': 'plain',
  'x-latin': 'caf\u00e9 \u00ff',
  'x-empty': '',
  'x-quoted': `a "quoted, with comma"; b='c'; d=\\e: f`,
  'x-long': 'v'.repeat(8000),
};

export const heads: Behaviours = {
  shared: {
    'methods, targets and header fields reach it as they were sent': async (to) => {
      const target = '/seen/a%2Fb/%E2%82%AC;x=1?q=1&q=%20&empty=&%26';
      const seen = (await to.send('PUT', target, 'body', { ...odd, 'x-twice': ['a', 'b'], cookie: 'a=1; b=2' })).json();
      assert.deepEqual([seen.method, seen.target], ['PUT', target]);
      for (const name of kept) assert.equal(seen.headers[name], odd[name], name);
      assert.equal(seen.headers['x-twice'].replace(' ', ''), 'a,b');
      assert.equal(seen.headers.cookie, 'a=1; b=2');
      assert.equal(seen.headers.host, to.host);
      assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
    },

    'statuses, header fields, duplicates and cookies leave it as they are': async (to) => {
      const cookies = ['a=1', 'b=2; Path=/; HttpOnly'];
      const fields: [string, string][] = kept.map((name) => [name, odd[name]]);
      for (const cookie of cookies) fields.push(['set-cookie', cookie]);
      fields.push(['x-twice', 'a'], ['x-twice', 'b']);
      for (const status of [200, 201, 299, 404, 418, 599]) {
        const answer = await to.get(to.answered(status, fields, 'body'));
        assert.deepEqual([answer.status, answer.text], [status, 'body']);
        for (const name of kept) assert.equal(answer.headers[name], odd[name], name);
        assert.deepEqual(answer.headers['set-cookie'], cookies);
        assert.equal(answer.headers['x-twice'], 'a, b');
        assert.equal(answer.headers['x-weir-error'], undefined, 'an answer of its own is no error of the platform');
      }
      const moved = await to.get(to.answered(307, [['location', '/else?where=1']]));
      assert.deepEqual([moved.status, moved.headers.location], [307, '/else?where=1']);
    },

    'a head that leaves before its body has the same bytes': async (to) => {
      const begun = to.begin('PUT', '/seen', { ...odd, 'transfer-encoding': 'chunked' });
      begun.write('', 'latin1');
      // It may answer as soon as it has the head.
      const answered = once(begun, 'response') as Promise<[IncomingMessage]>;
      await later(50, null);
      begun.end(Buffer.from('late'));
      const [answer] = await answered;
      assert.equal((await read(answer)).json().headers['x-latin'], odd['x-latin']);
    },

    'HEAD, 204 and 304 have no body': async (to) => {
      for (const status of [204, 304]) {
        const { text, headers, status: got } = await to.get(to.answered(status, [['etag', '"x"']]));
        assert.deepEqual([got, text, headers.etag], [status, '', '"x"']);
        assert.equal(headers['transfer-encoding'], undefined);
      }
      const path = to.answered(200, [['content-length', '5']], '12345');
      const head = await to.send('HEAD', path);
      assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '5', '']);
      assert.equal(await to.text(path), '12345');
    },

    'what the platform says to itself is not seen, and not believed of a client': async (to) => {
      const sent = {
        'x-vercel-internal-request-id': '1',
        'x-vercel-internal-invocation-id': 'inv_of_another',
        'x-forwarded-for': '9.9.9.9',
        'x-vercel-id': 'a-client-says',
        'x-mine': 'kept',
      };
      const { headers } = (await to.get('/seen', sent)).json();
      assert.deepEqual(
        Object.keys(headers).filter((name) => /^x-(?:vercel-internal|weir)-/.test(name)),
        [],
      );
      assert.equal(headers['x-mine'], 'kept');
      assert.equal(headers['x-forwarded-for'], '127.0.0.1');
      assert.notEqual(headers['x-vercel-id'], 'a-client-says');
    },

    'heads: as large as they may be, and too large': async (to) => {
      const large = await to.get('/seen', { 'x-large': 'l'.repeat(12_000) });
      assert.equal(large.json().headers['x-large'].length, 12_000);
      const answer = await to.get(to.answered(200, [['x-large', 'l'.repeat(4000)]]));
      assert.equal(answer.headers['x-large']?.length, 4000);
      const refused = await to.get('/seen', { 'x-large': 'l'.repeat(40_000) });
      assert.deepEqual([refused.status, refused.headers['x-weir-error']], [431, 'REQUEST_HEADER_TOO_LARGE']);
    },

    'WebSockets: messages there and back': async (to) => {
      const socket = new WebSocket(`ws://127.0.0.1:${to.port}/socket`, { headers: { host: to.host } });
      await once(socket, 'open');
      for (const text of ['first', 'second', '\u20ac']) {
        socket.send(text);
        const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
        assert.deepEqual([data.toString(), isBinary], [text, false]);
      }
      socket.send(Buffer.from([0, 255]));
      const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
      assert.deepEqual([[...data], isBinary], [[0, 255], true]);
      assert.equal((await to.get('/pid')).status, 200, 'others are answered meanwhile');
      socket.close();
      await once(socket, 'close');
    },
  },
  alone: {},
};
