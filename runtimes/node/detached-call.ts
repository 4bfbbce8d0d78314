import type { Call } from '../../src/core/call.ts';

const ignore = (): void => undefined;

/**
 * What is left of a call for whoever had it before it was upgraded: it says what was asked, and an answer to it goes
 * nowhere. Only that it failed is still true of the connection.
 */
export const detachedCall = (call: Call): Call => ({
  id: call.id,
  method: call.method,
  target: call.target,
  headers: call.headers,
  hasBody: call.hasBody,
  upgrade: call.upgrade,
  deadlineWallMs: call.deadlineWallMs,
  listener: call.listener,
  handling: call.handling,
  context: call.context,
  inform: ignore,
  reply: ignore,
  head: ignore,
  write: () => true,
  end: ignore,
  fail: (code, detail) => call.fail(code, detail),
  addCacheTags: () => 'late',
  consumed: ignore,
});
