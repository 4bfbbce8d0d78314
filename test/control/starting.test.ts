import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channels } from '../../src/base/channels.ts';
import { UsageError } from '../../src/base/errors.ts';
import { startIn, temporary } from './rig.ts';

/** Of a network for documentation: no machine has it. */
const nowhere = '203.0.113.1';

test('a control that cannot listen leaves nothing behind, and the first token to the start that shows it', async (t) => {
  const dir = temporary(t);
  await assert.rejects(startIn(dir, nowhere), UsageError);
  // Also its log's thread, which would keep the process from ending, is closed with these.
  assert.deepEqual(
    Object.values(channels).map(({ hasSubscribers }) => hasSubscribers),
    [false, false, false],
  );
  const platform = await startIn(dir);
  t.after(() => platform.close());
  assert.notEqual(platform.control?.firstToken, null);
});
