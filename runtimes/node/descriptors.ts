/**
 * Loggers that care for speed (pino, and with it Fastify) write to descriptors 1 and 2 themselves. Four functions of fs
 * give what is meant for those to the log, and are Node's own for every other descriptor, and for whatever Node would
 * refuse.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Fd = 1 | 2;
type Take = (fd: Fd, chunk: string | Uint8Array) => void;
type Callback = (error: null, bytes: number, data: unknown) => void;
type Method = (...args: readonly unknown[]) => unknown;

/** Once per instance. */
export function captureDescriptors(take: Take): void {
  const written = (fd: Fd, chunks: readonly (string | Uint8Array)[], bytes: number): number => {
    for (const chunk of chunks) take(fd, chunk);
    return bytes;
  };
  replace('write', (fd, args) => {
    const callback = args.findLast((arg): arg is Callback => typeof arg === 'function');
    const piece = callback === undefined ? null : pieceOf(args.slice(0, args.lastIndexOf(callback)));
    if (piece === null) return null;
    // Never within the call, as it is with Node.
    setImmediate(callback!, null, written(fd, [piece.chunk], piece.bytes), args[0]);
    return { result: undefined };
  });
  replace('writeSync', (fd, args) => {
    const piece = pieceOf(args);
    return piece === null ? null : { result: written(fd, [piece.chunk], piece.bytes) };
  });
  replace('writev', (fd, [views, ...rest]) => {
    const callback = rest.findLast((arg): arg is Callback => typeof arg === 'function');
    const pieces = callback === undefined ? null : piecesOf(views, rest[0]);
    if (pieces === null) return null;
    setImmediate(callback!, null, written(fd, pieces.chunks, pieces.bytes), views);
    return { result: undefined };
  });
  replace('writevSync', (fd, [views, position]) => {
    const pieces = piecesOf(views, position);
    return pieces === null ? null : { result: written(fd, pieces.chunks, pieces.bytes) };
  });
  syncBuiltinESMExports();
}

/** `capture` answers null for what Node is to do. */
function replace(
  name: 'write' | 'writeSync' | 'writev' | 'writevSync',
  capture: (fd: Fd, args: readonly unknown[]) => { readonly result: unknown } | null,
): void {
  const original = Reflect.get(fs, name) as Method;
  // oxlint-disable-next-line max-params -- named as Node's own are: gathering them takes as long as a tenth of a write
  const replacement: Method = (fd, data, second, third, fourth, fifth) => {
    const captured = fd === 1 || fd === 2 ? capture(fd, [data, second, third, fourth, fifth]) : null;
    return captured === null ? original(fd, data, second, third, fourth, fifth) : captured.result;
  };
  Object.defineProperty(replacement, 'name', { value: name });
  Object.defineProperty(replacement, 'length', { value: original.length });
  // What util.promisify() makes of them is told by a hidden symbol.
  for (const symbol of Object.getOwnPropertySymbols(original)) {
    Object.defineProperty(replacement, symbol, Object.getOwnPropertyDescriptor(original, symbol)!);
  }
  Reflect.set(fs, name, replacement);
}

interface Piece {
  readonly chunk: string | Uint8Array;
  readonly bytes: number;
}

/** A pipe has no positions: Node is to say so. */
const isPlaced = (position: unknown): boolean => typeof position === 'number' || typeof position === 'bigint';

/** Of (string, position, encoding), (view, offset, length, position) and (view, { offset, length, position }). */
function pieceOf([data, second, third, fourth]: readonly unknown[]): Piece | null {
  if (typeof data === 'string') {
    const encoding = third ?? 'utf8';
    if (isPlaced(second) || typeof encoding !== 'string' || !Buffer.isEncoding(encoding)) return null;
    const isText = /^utf-?8$/i.test(encoding);
    const chunk = isText ? data : Buffer.from(data, encoding);
    return { chunk, bytes: typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length };
  }
  if (!ArrayBuffer.isView(data)) return null;
  const named = typeof second === 'object' && second !== null ? (second as Readonly<Record<string, unknown>>) : null;
  const offset = (named === null ? second : named['offset']) ?? 0;
  const length = (named === null ? third : named['length']) ?? data.byteLength - Number(offset);
  if (isPlaced(named === null ? fourth : named['position'])) return null;
  if (!isCount(offset, data.byteLength) || !isCount(length, data.byteLength - offset)) return null;
  return { chunk: new Uint8Array(data.buffer, data.byteOffset + offset, length), bytes: length };
}

const isCount = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

function piecesOf(views: unknown, position: unknown): { chunks: Uint8Array[]; bytes: number } | null {
  if (!Array.isArray(views) || isPlaced(position)) return null;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const view of views as unknown[]) {
    if (!ArrayBuffer.isView(view)) return null;
    chunks.push(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    bytes += view.byteLength;
  }
  return { chunks, bytes };
}
