import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError } from '../../base/errors.ts';

/** A control that somebody is logged in to. */
interface Context {
  /** `http://127.0.0.1:3900` */
  readonly url: string;
  readonly token: string;
}

/** What `weir login` keeps. */
export interface Contexts {
  readonly current: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

const none: Contexts = { current: null, contexts: {} };

/** Throws UsageError where the file is none of ours. */
export async function readContexts(file: string): Promise<Contexts> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UsageError(`${file}: cannot be read: ${error.message}`);
  });
  if (text === null) return none;
  const value = parsed(file, text) as { current?: unknown; contexts?: unknown };
  const contexts = Object.entries(value.contexts ?? {}).filter((entry): entry is [string, Context] => {
    const { url, token } = (entry[1] ?? {}) as Partial<Context>;
    return typeof url === 'string' && typeof token === 'string';
  });
  const { current } = value;
  const found = Object.fromEntries(contexts);
  return { current: typeof current === 'string' && Object.hasOwn(found, current) ? current : null, contexts: found };
}

function parsed(file: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new UsageError(`${file}: not what weir login writes; remove it, and log in again`);
}

/** Whole or not at all, readable by its owner alone: there are tokens in it. */
export async function writeContexts(file: string, contexts: Contexts): Promise<void> {
  const beside = `${file}.${process.pid}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(beside, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
    await chmod(beside, 0o600);
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw new UsageError(`${file}: cannot be written: ${(error as Error).message}`);
  }
}
