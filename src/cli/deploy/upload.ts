import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ApiError } from '../../api/errors.ts';
import { limits } from '../../base/limits.ts';
import type { HashedFile } from '../../builder/upload/hashes.ts';
import type { Control } from '../connection/control.ts';
import { Failure } from '../failure.ts';
import type { Progress } from './progress.ts';
import { retrying } from './retrying.ts';

interface Uploading {
  readonly control: Control;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Uploads files, several at once. The first that cannot be uploaded ends it; what was uploaded stays for the next time. */
export async function uploadFiles(files: readonly HashedFile[], uploading: Uploading): Promise<void> {
  const stopped = new AbortController();
  const signal = AbortSignal.any([uploading.signal, stopped.signal]);
  const rest = files.values();
  const work = async (): Promise<void> => {
    for (const file of rest) {
      signal.throwIfAborted();
      await uploadFile(file, { ...uploading, signal });
      uploading.progress.fileDone();
    }
  };
  try {
    await Promise.all(Array.from({ length: limits.uploadsAtOnce }, work));
  } finally {
    stopped.abort();
  }
}

async function uploadFile(file: HashedFile, uploading: Uploading): Promise<void> {
  const { control, progress, signal } = uploading;
  const params = { sha256: file.sha256 };
  let counted = 0;
  const count = (bytes: number): void => {
    counted += bytes;
    progress.moved(bytes);
  };
  await retrying(
    async () => {
      // What an attempt before had sent and was lost does not count.
      count(-counted);
      const offset = file.bytes > limits.uploadResumeBytes ? await offsetOf(file, uploading) : 0;
      count(offset);
      if (offset === file.bytes && offset > 0) return;
      try {
        if (file.bytes <= limits.uploadResumeBytes) await whole(file, uploading);
        else {
          const bytes = Readable.toWeb(Readable.from(readFrom(file.absolute, offset, count)));
          await control.request('putBlob', { params, query: { offset }, bytes: bytes as ReadableStream, signal });
        }
      } catch (error) {
        throw offset === 0 ? changed(error, file) : error;
      }
      count(file.bytes - counted);
    },
    signal,
    (error) => isOfOffset(error),
  );
}

const isOfOffset = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 'OFFSET_MISMATCH' || error.code === 'HASH_MISMATCH');

/** From its beginning, its content is not what its hash was made of. */
const changed = (error: unknown, { path }: HashedFile): unknown =>
  error instanceof ApiError && error.code === 'HASH_MISMATCH'
    ? new Failure('failed', 'FILE_CHANGED', `${path} has changed while it was uploaded`, 'Deploy again.')
    : error;

async function whole(file: HashedFile, { control, signal }: Uploading): Promise<void> {
  const bytes = await readFile(file.absolute);
  await control.request('putBlob', { params: { sha256: file.sha256 }, query: { offset: 0 }, bytes, signal });
}

/** How much of it is there. */
async function offsetOf({ sha256, bytes }: HashedFile, { control, signal }: Uploading): Promise<number> {
  const { headers } = await control.request('blobOffset', { params: { sha256 }, signal });
  if (headers.get('upload-complete') === '?1') return bytes;
  const offset = Number(headers.get('upload-offset') ?? 0);
  // As much as the whole, and not the whole: it is something else.
  return Number.isSafeInteger(offset) && offset >= 0 && offset < bytes ? offset : 0;
}

async function* readFrom(path: string, start: number, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { start, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    yield chunk;
    count(chunk.length);
  }
}
