import { homedir, tmpdir } from 'node:os';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { env } from 'node:process';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';

import { systemClock } from '../base/clock.ts';
import { PythonReleases } from './python-releases.ts';

const machine = { environment: env, clock: systemClock };
/** This machine, with what it has. */
export const host = { ...machine, python: new PythonReleases({ ...machine, home: homedir() }) };

export type Files = Readonly<Record<string, string>>;

/** A directory of these files, gone when the tests of this file have ended. */
export async function project(files: Files): Promise<string> {
  home ??= await realpath(await mkdtemp(join(tmpdir(), 'weir-builder-')));
  const dir = await mkdtemp(join(home, 'p-'));
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), content);
  }
  return dir;
}

let home: string | null = null;
after(async () => {
  if (home !== null) await rm(home, { recursive: true, force: true });
});

/** What the user is told, with DIR for the directory; fails when nothing is refused. */
export async function refusal(dir: string, act: () => Promise<unknown>): Promise<string> {
  const error = await act().then(
    () => new Error('it was accepted'),
    (error: unknown) => error as Error,
  );
  if (error.name !== 'UsageError') throw error;
  return error.message.replaceAll(dir, 'DIR');
}

export const load = async (file: string): Promise<Record<string, unknown>> =>
  (await import(pathToFileURL(file).href)) as Record<string, unknown>;
