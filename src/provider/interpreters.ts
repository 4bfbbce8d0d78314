import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The interpreter of a release (`python3.11`, `python3.11.7`) among the programs that PATH leads to; null: there is none. */
export function interpreterIn(path: string | undefined): (release: string) => string | null {
  const directories = (path ?? '').split(delimiter).filter((directory) => directory !== '');
  return (release) => {
    const name = /^python3\.\d+/.exec(release)?.[0];
    if (name === undefined) return null;
    return directories.map((directory) => join(directory, name)).find(isExecutable) ?? null;
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
