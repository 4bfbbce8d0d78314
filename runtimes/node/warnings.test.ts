import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withholdWarnings } from './warnings.ts';

test('one warning is withheld, whichever way it is given; the others are heard', async () => {
  withholdWarnings();
  // Node's own listener would print them.
  process.removeAllListeners('warning');
  const heard: string[] = [];
  process.on('warning', (warning) => heard.push(warning.message));
  process.emitWarning('first', { code: 'MODULE_TYPELESS_PACKAGE_JSON' });
  process.emitWarning('second', 'Warning', 'MODULE_TYPELESS_PACKAGE_JSON');
  process.emitWarning('third', { code: 'OTHER' });
  process.emitWarning('fourth', 'DeprecationWarning', 'DEP_OTHER');
  process.emitWarning(new Error('fifth'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, ['third', 'fourth', 'fifth']);
});
