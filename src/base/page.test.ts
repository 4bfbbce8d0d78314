import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { pageBytes } from './page.ts';

test('a page is as large as the system says', () => {
  assert.equal(pageBytes(), Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'latin1' })));
});
