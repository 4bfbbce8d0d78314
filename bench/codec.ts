import { type Connection, noConnectionEvents } from '../src/tunnel/connection.ts';
import type { FrameHandler } from '../src/tunnel/frame.ts';
import { FrameType } from '../src/tunnel/frame.ts';
import { headersText, headText } from '../src/tunnel/head.ts';
import { readBodyEnd, readRequest, readResponse } from '../src/tunnel/payload.ts';
import { FrameReader } from '../src/tunnel/reader.ts';
import { SlotTable } from '../src/tunnel/slots.ts';
import { FrameWriter } from '../src/tunnel/writer.ts';
import { type Row, section } from './report.ts';

const requestHeaders = Object.entries({
  host: 'app.localhost:3000',
  connection: 'keep-alive',
  'cache-control': 'max-age=0',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br',
  'accept-language': 'en-US,en;q=0.9',
  cookie: 'session=0123456789abcdef',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'app.localhost:3000',
  'x-real-ip': '127.0.0.1',
}).flat();
const responseHeaders = ['content-type', 'application/json', 'x-request', 'abc', 'content-length', '27'];
const body = Buffer.from('{"hello":"world","n":12345}');
const chunk = Buffer.alloc(64 * 1024, 1);

/** Keeps the pieces of the last flush; copies nothing, and says that nothing is held. */
class Sink implements Connection {
  events = noConnectionEvents;
  readonly bufferedBytes = 0;
  pieces: readonly Buffer[] = [];
  write(bytes: Buffer): boolean {
    this.pieces = [bytes];
    return true;
  }
  writeAll(pieces: readonly Buffer[]): boolean {
    this.pieces = pieces;
    return true;
  }
  whenSent(): void {}
  keep(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** Decodes what an end of the tunnel decodes, and adds up something of it, so that none of it can be left out. */
class Decoder implements FrameHandler {
  sum = 0;
  frame(type: number, stream: number, payload: Buffer): void {
    if (type === FrameType.REQUEST) this.sum += readRequest(payload).headers.length;
    else if (type === FrameType.RESPONSE) this.sum += readResponse(payload).status;
    else if (type === FrameType.BODY_END) this.sum += readBodyEnd(payload);
    else this.sum += stream;
  }
  body(_stream: number, piece: Buffer): void {
    this.sum += piece.length;
  }
}

interface Way {
  readonly name: string;
  readonly encode: (writer: FrameWriter, stream: number) => void;
}

const ways: readonly Way[] = [
  {
    name: 'request, 12 headers',
    encode: (writer, stream) =>
      writer.request(
        stream,
        1,
        300_000,
        headText('inv_0123456789abcdef01234567', 'GET', '/api/hello?name=x', requestHeaders),
      ),
  },
  {
    name: 'begun + complete response, 27 bytes',
    encode: (writer, stream) => {
      writer.begun(stream);
      writer.response(stream, { complete: true, status: 200, cpuUs: 431, head: headersText(responseHeaders), body });
    },
  },
  {
    name: 'streamed response, 64 KiB',
    encode: (writer, stream) => {
      writer.response(stream, {
        complete: false,
        status: 200,
        cpuUs: 431,
        head: headersText(responseHeaders),
        body: null,
      });
      writer.body(stream, chunk);
      writer.bodyEnd(stream, 9);
    },
  },
];

/**
 * What the codec costs, nanoseconds: encode includes the head's text and its validation, decode the split and its
 * validation; best of five. With `batch` frames per flush and per read, as that many connections give. `npm run bench -- --only codec`
 */
export function codecRows(): Row[] {
  const rows: Row[] = [];
  for (const batch of [1, 64]) {
    let pairNs = 0;
    for (const way of ways) {
      const { encodeNs, decodeNs } = measure(way, batch);
      if (way.name !== 'streamed response, 64 KiB') pairNs += encodeNs + decodeNs;
      rows.push({
        frames: way.name,
        batch,
        'encode ns': encodeNs,
        'decode ns': decodeNs,
        'both ns': encodeNs + decodeNs,
      });
    }
    rows.push({
      frames: 'request + response',
      batch,
      'encode ns': Number.NaN,
      'decode ns': Number.NaN,
      'both ns': pairNs,
    });
  }
  rows.push({
    frames: 'a slot taken, found twice, freed',
    batch: 1,
    'encode ns': Number.NaN,
    'decode ns': Number.NaN,
    'both ns': slotNs(),
  });
  return rows;
}

function measure({ encode }: Way, batch: number): { encodeNs: number; decodeNs: number } {
  const sink = new Sink();
  const writer = new FrameWriter(sink);
  const decoder = new Decoder();
  const reader = new FrameReader(decoder);
  const encodeBatch = (): void => {
    for (let count = 0; count < batch; count += 1) encode(writer, 0x1_0000 + count);
    writer.flush();
  };
  encodeBatch();
  // As one read has it: one chunk.
  const read = Buffer.concat(sink.pieces.map((piece) => Buffer.from(piece)));
  const encodeNs = bestNs(encodeBatch, batch);
  const decodeNs = bestNs(() => reader.push(read), batch);
  if (decoder.sum === 0) throw new Error('nothing was decoded');
  return { encodeNs, decodeNs };
}

function slotNs(): number {
  const table = new SlotTable<object>();
  const value = {};
  let found = 0;
  const turn = (): void => {
    const id = table.take(value);
    if (table.get(id) === value && table.get(id) === value) found += 1;
    table.free(id);
  };
  const ns = bestNs(turn, 1);
  if (found === 0) throw new Error('nothing was found');
  return ns;
}

/** CPU nanoseconds per unit, when one call does `units`: steadier than the wall clock on a machine that is shared. */
function bestNs(work: () => void, units: number): number {
  const calls = Math.ceil(30_000 / units);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round += 1) {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call += 1) work();
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) best = Math.min(best, ((user + system) * 1000) / (calls * units));
  }
  return best;
}

if (import.meta.main) console.log(section('Tunnel codec', codecRows()).text);
