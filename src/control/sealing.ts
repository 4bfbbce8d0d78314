import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../base/errors.ts';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** First byte of what is sealed: another algorithm would have another. */
const version = 1;

/**
 * Encrypts what is kept: AES-256-GCM, a random nonce each (NIST SP 800-38D, 8.2.2: fit for 2^32 messages a key). What it is
 * of (`context`) is authenticated: a value that was moved to another row does not open there.
 */
export class Sealer {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    if (key.length !== keyBytes)
      throw new UsageError(`a key of ${keyBytes} bytes is expected, this one has ${key.length}`);
    this.#key = key;
  }

  seal(text: string, context: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), sealed]);
  }

  /** Throws an Error, without what is in it, when it is not what was sealed with this key for this context. */
  open(sealed: Uint8Array, context: string): string {
    const bytes = Buffer.from(sealed);
    if (bytes[0] !== version || bytes.length < 1 + nonceBytes + tagBytes)
      throw new Error(`${context}: this is nothing that was encrypted here`);
    const nonce = bytes.subarray(1, 1 + nonceBytes);
    const tag = bytes.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes);
    const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes })
      .setAAD(Buffer.from(context))
      .setAuthTag(tag);
    try {
      return decipher.update(bytes.subarray(1 + nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new Error(`${context}: it was encrypted with another key, or changed since`);
    }
  }
}

/**
 * The key in `file`, made when there is none: it is beside the database, not in it, and of this user alone. Throws UsageError
 * when others may read it: whoever did has the secrets.
 */
export function openKey(file: string, modeOf: (file: string) => number): Buffer {
  const found = readKey(file);
  if (found === null) return makeKey(file);
  if ((modeOf(file) & 0o077) !== 0)
    throw new UsageError(
      `${file}: others may read this key: chmod 600 ${file}, and set the secrets anew if somebody did`,
    );
  if (found.length !== keyBytes)
    throw new UsageError(`${file}: this is no key: ${keyBytes} bytes in base64 are expected`);
  return found;
}

function readKey(file: string): Buffer | null {
  try {
    const text = readFileSync(file, 'utf8').trim();
    const key = Buffer.from(text, 'base64');
    // Node reads what it can of it, and passes over the rest.
    return key.toString('base64') === text ? key : Buffer.alloc(0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new UsageError(`${file}: the key cannot be read: ${(error as Error).message}`);
  }
}

/** Whole or not at all, and on the disk before anything is encrypted with it. Of two that make it, one does. */
function makeKey(file: string): Buffer {
  const key = randomBytes(keyBytes);
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = openSync(beside, 'wx', 0o600);
  try {
    writeSync(handle, `${key.toString('base64')}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  chmodSync(beside, 0o600);
  try {
    linkSync(beside, file);
    syncFolder(dirname(file));
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readKey(file) ?? key;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

function syncFolder(dir: string): void {
  const handle = openSync(dir, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
