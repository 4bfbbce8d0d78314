import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { ApiError } from '../api/errors.ts';

export interface BlobOptions {
  /** Absolute; made when it is not there. */
  readonly dir: string;
  readonly clock: Clock;
  /** Of one. Default: limits.blobBytes. */
  readonly mostBytes?: number;
}

/** How much of a blob there is. */
export interface BlobState {
  readonly offset: number;
  readonly isComplete: boolean;
}

/**
 * Files by the SHA-256 of what is in them: `AB/CDEF…`, and `partial/ABCDEF…` while they are uploaded. A file that has its
 * name is whole and on the disk: it got the name when it was.
 */
export class BlobStore {
  readonly #options: BlobOptions;
  /** Whoever uploads the same waits for the one that began. */
  readonly #uploads = new Map<string, Promise<void>>();
  /** What is being removed at the moment, until it is. */
  readonly #leaving = new Map<string, Promise<void>>();
  #counted: { readonly atMs: number; readonly bytes: Promise<number> } | null = null;

  private constructor(options: BlobOptions) {
    this.#options = options;
  }

  static async open(options: BlobOptions): Promise<BlobStore> {
    await fs.mkdir(join(options.dir, 'partial'), { recursive: true, mode: 0o700 });
    return new BlobStore(options);
  }

  path(sha256: string): string {
    return join(this.#options.dir, sha256.slice(0, 2), sha256.slice(2));
  }

  /** Bytes; null: it is not there, or not whole. */
  async size(sha256: string): Promise<number | null> {
    await this.#leaving.get(sha256);
    return (await fs.stat(this.path(sha256)).catch(() => null))?.size ?? null;
  }

  /** Of many: bytes, or null. */
  async sizes(wanted: Iterable<string>): Promise<Map<string, number | null>> {
    const found = new Map<string, number | null>();
    const left = wanted[Symbol.iterator]();
    const look = async (): Promise<void> => {
      for (let next = left.next(); next.done !== true; next = left.next())
        found.set(next.value, await this.size(next.value));
    };
    await Promise.all(Array.from({ length: limits.looksAtOnce }, look));
    return found;
  }

  async state(sha256: string): Promise<BlobState> {
    const whole = await this.size(sha256);
    if (whole !== null) return { offset: whole, isComplete: true };
    const part = await fs.stat(this.#partial(sha256)).catch(() => null);
    return { offset: part?.size ?? 0, isComplete: false };
  }

  /**
   * Appends to what there is of it. Of an upload that breaks off, what came is kept: `state` says from where to go on. Throws
   * ApiError; HASH_MISMATCH removes what had been uploaded, since nothing can be made of it.
   */
  async put(sha256: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    for (let before = this.#uploads.get(sha256); before !== undefined; before = this.#uploads.get(sha256))
      await before.catch(() => undefined);
    const upload = this.#append(sha256, offset, bytes);
    this.#uploads.set(sha256, upload);
    try {
      await upload;
    } finally {
      this.#uploads.delete(sha256);
    }
  }

  async #append(sha256: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const state = await this.state(sha256);
    if (state.isComplete) return drop(bytes, this.#mostBytes);
    if (state.offset !== offset)
      throw new ApiError(
        'OFFSET_MISMATCH',
        `There are ${state.offset} bytes of it, and the upload goes on at ${offset}.`,
      );
    const partial = this.#partial(sha256);
    const hash = await hashedSoFar(partial, offset);
    await this.#write(partial, offset, bytes, hash);
    if (hash.digest('hex') !== sha256) {
      await fs.rm(partial, { force: true });
      throw new ApiError('HASH_MISMATCH');
    }
    const place = this.path(sha256);
    const made = await fs.mkdir(dirname(place), { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncDirectory(this.#options.dir);
    await fs.rename(partial, place);
    await syncDirectory(dirname(place));
  }

  async #write(partial: string, offset: number, bytes: AsyncIterable<Uint8Array>, hash: Hash): Promise<void> {
    const handle = await fs.open(partial, 'a', 0o600);
    let written = offset;
    try {
      for await (const chunk of bytes) {
        written += chunk.length;
        if (written > this.#mostBytes) throw new ApiError('BLOB_TOO_LARGE', `More than ${this.#mostBytes} bytes came.`);
        hash.update(chunk);
        // All of it: write() may take a part, and on a full disk it does.
        await handle.appendFile(chunk);
      }
      await handle.sync();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === 'BLOB_TOO_LARGE') await fs.rm(partial, { force: true });
      throw isDiskFull(error) ? new ApiError('DISK_FULL') : error;
    } finally {
      await handle.close();
    }
  }

  /**
   * Removes what nothing refers to, and uploads that nobody went on with. What was uploaded a moment ago is left alone.
   * `isReferred` is asked right before each: who says that it is, before asking for its `size`, finds it afterwards.
   */
  async collect(isReferred: (sha256: string) => boolean): Promise<void> {
    const { dir, clock } = this.#options;
    const isOld = async (path: string): Promise<boolean> => {
      const stats = await fs.stat(path).catch(() => null);
      return stats !== null && clock.wallMs() - stats.mtimeMs > limits.partialBlobKeptMs;
    };
    for (const folder of await fs.readdir(dir)) {
      const isPartial = folder === 'partial';
      if (!isPartial && !/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const name of await fs.readdir(join(dir, folder))) {
        const path = join(dir, folder, name);
        const sha256 = isPartial ? name : folder + name;
        if ((!isPartial && isReferred(sha256)) || !(await isOld(path))) continue;
        if (isPartial ? !this.#uploads.has(sha256) : !isReferred(sha256)) await this.#remove(sha256, path);
      }
    }
  }

  async #remove(sha256: string, path: string): Promise<void> {
    const leaving = fs.rm(path, { force: true });
    const settled = leaving.catch(() => undefined);
    this.#leaving.set(sha256, settled);
    try {
      await leaving;
    } finally {
      this.#leaving.delete(sha256);
    }
  }

  /** Of all that is there, as of a moment ago: there may be very many to look at. */
  bytes(): Promise<number> {
    const nowMs = this.#options.clock.nowMs();
    if (this.#counted === null || nowMs - this.#counted.atMs > limits.blobBytesKnownMs)
      this.#counted = { atMs: nowMs, bytes: this.#bytes() };
    return this.#counted.bytes;
  }

  async #bytes(): Promise<number> {
    let sum = 0;
    for (const folder of await fs.readdir(this.#options.dir).catch(() => []))
      for (const name of await fs.readdir(join(this.#options.dir, folder)).catch(() => []))
        sum += (await fs.stat(join(this.#options.dir, folder, name)).catch(() => null))?.size ?? 0;
    return sum;
  }

  get #mostBytes(): number {
    return this.#options.mostBytes ?? limits.blobBytes;
  }

  #partial(sha256: string): string {
    return join(this.#options.dir, 'partial', sha256);
  }
}

async function hashedSoFar(partial: string, offset: number): Promise<Hash> {
  const hash = createHash('sha256');
  if (offset > 0) for await (const chunk of createReadStream(partial)) hash.update(chunk as Buffer);
  return hash;
}

/** So that the client, which goes on sending, gets its answer. */
async function drop(bytes: AsyncIterable<Uint8Array>, most: number): Promise<void> {
  let taken = 0;
  for await (const chunk of bytes) {
    taken += chunk.length;
    if (taken > most) throw new ApiError('BLOB_TOO_LARGE');
  }
}

export function isDiskFull(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** A rename is on the disk when its folder is. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await fs.open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
