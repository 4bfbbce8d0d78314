import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Whether a file is there that may be started. */
export async function isExecutable(file: string): Promise<boolean> {
  if (!((await stat(file).catch(() => null))?.isFile() ?? false)) return false;
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Where PATH has a program, absolute; null: nowhere. */
export async function findInPath(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    if (folder.startsWith('/') && (await isExecutable(join(folder, name)))) return join(folder, name);
  }
  return null;
}
