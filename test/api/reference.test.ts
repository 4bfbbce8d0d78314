import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { routes } from '../../src/api/routes.ts';
import { apiReference } from './reference.ts';

test('the reference of the API is what the API is', () => {
  const written = readFileSync(new URL('../../docs/reference/api.md', import.meta.url), 'utf8');
  assert.equal(written, apiReference(), 'node test/api/reference.ts > docs/reference/api.md');
  for (const { method, path } of Object.values(routes)) assert.ok(written.includes(`\`${method} ${path}\``), path);
});
