import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { defaultCacheControl } from './answer.ts';
import { entityTag, lastModified, select } from './conditional.ts';
import type { Conditions, Selection, Version } from './conditional.ts';
import type { StaticFile } from './files.ts';
import type { EdgeRequest } from './request.ts';
import type { HttpExchange } from './respond.ts';

/** Up to this length a file is read whole and written at once. */
const wholeBytes = 64 * 1024;

/** What the routing table says of an answer. */
interface FileExtra {
  /** Name, value, name, value, …; they go before what is said of every file. */
  readonly headers: readonly string[];
  /** Of the whole file; null: 200. */
  readonly status: number | null;
}

const nothingExtra: FileExtra = { headers: [], status: null };

/** Answers GET or HEAD with `file`. The file's length and time are asked for now: the index may be older. */
export async function serveFile(exchange: HttpExchange, file: StaticFile, extra = nothingExtra): Promise<void> {
  let handle: FileHandle | null = null;
  try {
    // The index knows files by their real path: a link that has taken the place of one is not followed.
    handle = await open(file.file, constants.O_RDONLY | constants.O_NOFOLLOW);
    const stat = await handle.stat();
    if (exchange.phase !== 'waiting') return;
    if (!stat.isFile()) exchange.fail({ code: 'NOT_FOUND', detail: 'There is no such file.' });
    else if (
      await answerFile(exchange, handle, {
        type: file.type,
        version: { sizeBytes: stat.size, modifiedMs: stat.mtimeMs },
        extra,
      })
    )
      handle = null;
  } catch {
    exchange.fail({ code: 'NOT_FOUND', detail: 'There is no such file any more.' });
  } finally {
    await handle?.close();
  }
}

interface Content {
  readonly type: string;
  readonly version: Version;
  readonly extra: FileExtra;
}

/** True: the handle was taken over by a stream, which closes it. */
async function answerFile(exchange: HttpExchange, handle: FileHandle, content: Content): Promise<boolean> {
  const { version, type, extra } = content;
  // An error page or the like is no version of what was asked for: it is always sent whole.
  const isOther = extra.status !== null && extra.status !== 200;
  const selection: Selection = isOther ? { kind: 'whole' } : select(conditionsOf(exchange.req), version);
  const plain = ['Cache-Control', defaultCacheControl];
  if (!isOther) plain.push('ETag', entityTag(version), 'Last-Modified', lastModified(version));
  const headers = overridden(plain, extra.headers);
  if (selection.kind === 'whole') {
    const status = extra.status ?? 200;
    return send(exchange, handle, { status, headers, type, first: 0, length: version.sizeBytes });
  }
  if (selection.kind === 'part') {
    const { first, last } = selection;
    headers.push('Content-Range', `bytes ${first}-${last}/${version.sizeBytes}`);
    return send(exchange, handle, { status: 206, headers, type, first, length: last - first + 1 });
  }
  answerWithout(exchange, selection.kind, { headers, version });
  return false;
}

function overridden(plain: readonly string[], extra: readonly string[]): string[] {
  if (extra.length === 0) return [...plain];
  const names = new Set(extra.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
  return [...plain.filter((_, at) => !names.has(plain[at - (at % 2)]!.toLowerCase())), ...extra];
}

/** RFC 9110: a range is for GET alone (14.2). */
function conditionsOf(req: EdgeRequest): Conditions {
  const { fields: headers } = req;
  return {
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    ifModifiedSince: headers['if-modified-since'],
    ifUnmodifiedSince: headers['if-unmodified-since'],
    ifRange: headers['if-range'] as string | undefined,
    range: req.method === 'GET' ? headers.range : undefined,
  };
}

/** The answers that do not carry the file. */
function answerWithout(
  exchange: HttpExchange,
  why: 'unchanged' | 'failed' | 'unsatisfiable',
  { headers, version }: { headers: string[]; version: Version },
): void {
  if (why === 'unchanged') {
    exchange.answer(304, headers, null);
    return;
  }
  const plain = ['Content-Type', 'text/plain; charset=utf-8'];
  if (why === 'failed') {
    exchange.answer(412, plain, '412: The file has changed.\n');
    return;
  }
  const code = 'RANGE_NOT_SATISFIABLE';
  plain.push('Content-Range', `bytes */${version.sizeBytes}`, 'X-Weir-Error', code, 'X-Vercel-Error', code);
  exchange.answer(416, plain, '416: There is no such range.\n');
}

interface Piece {
  readonly status: number;
  readonly headers: string[];
  readonly type: string;
  readonly first: number;
  readonly length: number;
}

async function send(exchange: HttpExchange, handle: FileHandle, piece: Piece): Promise<boolean> {
  const { res } = exchange;
  if (!piece.headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type')) {
    piece.headers.push('Content-Type', piece.type);
  }
  if (piece.status < 300) piece.headers.push('Accept-Ranges', 'bytes');
  if (exchange.req.method !== 'HEAD' && piece.length <= wholeBytes) {
    const buffer = Buffer.allocUnsafe(piece.length);
    const { bytesRead } = await handle.read(buffer, 0, piece.length, piece.first);
    if (bytesRead !== piece.length)
      exchange.fail({ code: 'INTERNAL_UNEXPECTED_ERROR', detail: 'The file changed while it was read.' });
    else if (exchange.phase === 'waiting') exchange.answer(piece.status, piece.headers, buffer);
    return false;
  }
  if (exchange.phase !== 'waiting') return false;
  piece.headers.push('Content-Length', String(piece.length));
  exchange.openHead(piece.status, piece.headers);
  exchange.settle();
  if (exchange.req.method === 'HEAD') {
    res.end();
    return false;
  }
  stream(exchange, handle, piece);
  return true;
}

/** With back-pressure. A file that turns out shorter than announced ends the connection: the client must not take it for whole. */
function stream(exchange: HttpExchange, handle: FileHandle, piece: Piece): void {
  const { res } = exchange;
  const source = createReadStream('', { fd: handle, start: piece.first, end: piece.first + piece.length - 1 });
  exchange.watchStream();
  pipeline(source, res, () => {
    if (source.bytesRead !== piece.length) exchange.connection.socket.destroy();
  });
}
