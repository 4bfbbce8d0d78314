import { existsSync, statSync } from 'node:fs';
import { UsageError } from '../../base/errors.ts';
import { openKey, Sealer } from '../sealing.ts';
import type { Database } from './database.ts';

const context = 'key check';

/**
 * What encrypts with the key in `file`: the one that the database was encrypted with before, which it has something sealed to
 * tell by. Throws UsageError: with another key no secret could be read, and no deployment served.
 */
export function openSealer(db: Database, file: string): Sealer {
  const row = db.get<{ value: string }>(`select value from settings where name = 'key'`);
  if (row !== null && !existsSync(file))
    throw new UsageError(`${file} is missing: the secrets in the database were encrypted with it. Put its copy back`);
  const sealer = new Sealer(openKey(file, (path) => statSync(path).mode));
  if (row === null) {
    const sealed = sealer.seal('weir', context).toString('base64');
    db.run(`insert into settings (name, value) values ('key', ?)`, sealed);
    return sealer;
  }
  try {
    sealer.open(Buffer.from(row.value, 'base64'), context);
  } catch {
    throw new UsageError(`${file}: this is not the key that the secrets in the database were encrypted with`);
  }
  return sealer;
}
