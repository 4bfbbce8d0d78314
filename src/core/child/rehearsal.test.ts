import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { rehearse } from './rehearsal.ts';

test('the host rehearses: every invocation is answered, and nothing is left', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-rehearsal-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  assert.equal(await rehearse(directory), limits.rehearsedInvocations);
  assert.deepEqual(readdirSync(directory), []);
  await assert.rejects(rehearse(join(directory, 'missing')));
});
