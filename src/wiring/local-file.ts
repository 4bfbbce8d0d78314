import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';

/** What programs of the same user find a platform on this machine by: where its API is, and a token that holds while it runs. */
export interface LocalPlatform {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

export interface LocalFile {
  /** Idempotent. */
  remove(): void;
}

/** Written whole, for this user alone; gone when the process ends. */
export async function writeLocalFile(dir: string, platform: LocalPlatform): Promise<LocalFile> {
  const file = join(dir, 'local.json');
  const beside = `${file}.${platform.pid}`;
  writeFileSync(beside, `${JSON.stringify(platform)}\n`, { mode: 0o600 });
  chmodSync(beside, 0o600);
  await rename(beside, file);
  const remove = (): void => rmSync(file, { force: true });
  process.once('exit', remove);
  return {
    remove() {
      process.off('exit', remove);
      remove();
    },
  };
}
