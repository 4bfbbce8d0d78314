// What a client gets byte for byte (RFC 6455, RFC 7692), from one echo server behind Weir and from the same by itself.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { startEcho } from './echo.ts';
import type { EchoServers } from './echo.ts';

let servers: EchoServers;
before(async () => void (servers = await startEcho()));
after(() => servers.stop());

const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface FrameOptions {
  readonly final?: boolean;
  /** RSV1 is 4. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** Written in the head; the payload's own where it is left out. */
  readonly length?: Buffer;
}

const key = Buffer.from([0x12, 0x34, 0x56, 0x78]);

/** As a client sends it. */
function frame(opcode: number, payload: string | Buffer = '', options: FrameOptions = {}): Buffer {
  const { final = true, reserved = 0, masked = true } = options;
  const bytes = Buffer.from(payload);
  const length = options.length ?? shortest(bytes.length);
  length[0]! |= masked ? 0x80 : 0;
  const body = masked ? bytes.map((byte, at) => byte ^ key[at % 4]!) : bytes;
  const first = Buffer.from([(final ? 0x80 : 0) | (reserved << 4) | opcode]);
  return Buffer.concat([first, length, masked ? key : Buffer.alloc(0), body]);
}

function shortest(bytes: number): Buffer {
  if (bytes < 126) return Buffer.from([bytes]);
  return bytes < 65_536 ? long16(bytes) : long64(BigInt(bytes));
}
function long16(bytes: number): Buffer {
  const length = Buffer.from([126, 0, 0]);
  length.writeUInt16BE(bytes, 1);
  return length;
}
function long64(bytes: bigint): Buffer {
  const length = Buffer.alloc(9, 127);
  length.writeBigUInt64BE(bytes, 1);
  return length;
}

function close(code?: number, reason = ''): Buffer {
  if (code === undefined) return frame(Opcode.close);
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
  payload.writeUInt16BE(code);
  return frame(Opcode.close, payload);
}

const text = (payload: string | Buffer, options?: FrameOptions): Buffer => frame(Opcode.text, payload, options);
const part = (payload: string | Buffer, final = false): Buffer => frame(Opcode.continuation, payload, { final });
const first = (payload: string | Buffer): Buffer => text(payload, { final: false });
const binary = (bytes: number): Buffer => frame(Opcode.binary, Buffer.alloc(bytes, 'weir'));
/** A message of RFC 7692: deflated, without the four bytes that its end always has. */
const deflated = (payload: string): Buffer => {
  const whole = deflateRawSync(payload, { finishFlush: 2 });
  return whole.subarray(0, whole.length - 4);
};

interface Script {
  /** Written one after the other; the last has to make the server end the connection. */
  readonly writes: readonly Buffer[];
  readonly deflate?: boolean;
  readonly byteByByte?: boolean;
  /** What is to be read is left alone until the client has written everything that it can. */
  readonly slowReader?: boolean;
}

interface Transcript {
  readonly status: string;
  readonly handshake: readonly string[];
  readonly bytes: number;
  readonly sha256: string;
  readonly begins: string;
}

async function play(port: number, script: Script): Promise<Transcript> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    socket.on('end', resolve);
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
  const head = [
    'GET /echo HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...(script.deflate === true ? ['Sec-WebSocket-Extensions: permessage-deflate'] : []),
  ].join('\r\n');
  socket.write(`${head}\r\n\r\n`);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'data');
  if (script.slowReader === true) socket.pause();
  for (const piece of script.writes) {
    if (script.byteByByte !== true) socket.write(piece);
    else for (const byte of piece) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
  }
  if (script.slowReader === true) {
    // The server is stopped by what nobody reads, and stops reading: that the client cannot write on is the sign. Nothing tells
    // of it, and a busy machine pauses too: so it is looked at several times.
    let [written, looks] = [-1, 0];
    while (socket.writableLength > 0 && looks < 5) {
      const now = socket.bytesWritten - socket.writableLength;
      looks = now === written ? looks + 1 : 0;
      written = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    socket.resume();
  }
  await ended;
  socket.destroy();
  return transcript(Buffer.concat(chunks));
}

function transcript(all: Buffer): Transcript {
  const at = all.indexOf('\r\n\r\n');
  const [status = '', ...fields] = all.toString('latin1', 0, at).split('\r\n');
  const body = all.subarray(at + 4);
  return {
    status,
    handshake: fields.filter((line) => /^(?:sec-|upgrade|connection)/i.test(line)).toSorted(),
    bytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
    begins: body.toString('hex', 0, 64),
  };
}

const utf8 = Buffer.from('κόσμε 𐍈 ﬀ');
const end = close(1000);
const scripts: Readonly<Record<string, Script>> = {
  'text and binary of every form of length': {
    writes: [
      ...[0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537].flatMap((bytes) => [
        binary(bytes),
        text('a'.repeat(bytes)),
      ]),
      end,
    ],
  },
  'lengths in longer forms than needed': {
    writes: [text('ab', { length: long16(2) }), text('ab', { length: long64(2n) }), end],
  },
  'byte by byte': { writes: [text(utf8), binary(300), frame(Opcode.ping, 'p'), end], byteByByte: true },
  'fragments, with control frames between them': {
    writes: [first('a'), frame(Opcode.ping, '1'), part('b'), frame(Opcode.pong, '2'), part('', true), end],
  },
  'a code point split over fragments': { writes: [first(utf8.subarray(0, 3)), part(utf8.subarray(3), true), end] },
  'pings: none, most, too much in them': {
    writes: [frame(Opcode.ping), frame(Opcode.ping, 'x'.repeat(125)), frame(Opcode.ping, 'x'.repeat(126))],
  },
  'a control frame in fragments': { writes: [frame(Opcode.ping, 'a', { final: false })] },
  'a continuation of nothing': { writes: [part('a', true)] },
  'a message within another': { writes: [first('a'), text('b')] },
  'text that is no UTF-8': { writes: [text(Buffer.from([0xce, 0xba, 0xe1, 0xbd]))] },
  'text of surrogates': { writes: [text(Buffer.from([0xed, 0xa0, 0x80]))] },
  'no mask': { writes: [text('a', { masked: false })] },
  'a length beyond all numbers': { writes: [text('', { length: long64(2n ** 63n - 1n) })] },
  'more than the server takes': { writes: [text('', { length: long64(65n * 1024n * 1024n) })] },
  'a close without a code': { writes: [close()] },
  'a close with half a code': { writes: [frame(Opcode.close, 'a')] },
  'a reason that is no UTF-8': { writes: [frame(Opcode.close, Buffer.from([0x03, 0xe8, 0xff]))] },
  'data after the close frame': { writes: [Buffer.concat([end, text('late')])] },
  'all at once': { writes: [Buffer.concat([text('a'), frame(Opcode.ping, 'b'), binary(70_000), end])] },
  compressed: {
    writes: [
      text(deflated('weir '.repeat(1000)), { reserved: 4 }),
      text('not compressed'),
      frame(Opcode.binary, deflated('x'.repeat(200_000)), { reserved: 4 }),
      end,
    ],
    deflate: true,
  },
  'compressed, in fragments': {
    writes: [
      text(deflated('weir'.repeat(9)).subarray(0, 3), { reserved: 4, final: false }),
      part(deflated('weir'.repeat(9)).subarray(3), true),
      end,
    ],
    deflate: true,
  },
  'compressed, and broken': { writes: [text(Buffer.from([0xff, 0xff, 0xff]), { reserved: 4 })], deflate: true },
  '16 MiB in one message': { writes: [binary(16 * 1024 * 1024), end] },
  'a reader that does not read, and then does': {
    writes: [...Array.from({ length: 48 }, () => binary(1024 * 1024)), end],
    slowReader: true,
  },
};

for (const [name, script] of Object.entries(scripts)) same(name, script);
for (const reserved of [1, 2, 4]) same(`reserved bit ${reserved}`, { writes: [text('a', { reserved })] });
for (const opcode of [3, 7, 11, 15]) same(`opcode ${opcode}`, { writes: [frame(opcode, 'a')] });
for (const code of [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1012, 1014, 1015, 2999, 3000, 4999, 5000]) {
  same(`close code ${code}`, { writes: [close(code, 'why')] });
}

function same(name: string, script: Script): void {
  test(name, async () => {
    const direct = await play(servers.directPort, script);
    assert.deepEqual(await play(servers.weirPort, script), direct);
    assert.match(direct.status, /^HTTP\/1\.1 101 /);
    // A server that said nothing would be equal too.
    assert.ok(direct.bytes > 0);
  });
}
