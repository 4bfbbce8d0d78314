import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MessageSocket } from './message-socket.ts';

const timeout = 60_000;

test(
  'who connected first is told apart; what cannot be taken ends its own connection only',
  { timeout },
  async (context) => {
    const dir = mkdtempSync(join(tmpdir(), 'weir-test-'));
    const path = join(dir, 'ipc');
    const [firsts, warnings]: [boolean[], string[]] = [[], []];
    const socket = await MessageSocket.listen(path, {
      message: (message, isFirst) => {
        if (message.type === 'unrecoverable-error') throw new RangeError('as a frame that is too long');
        firsts.push(isFirst);
      },
      warn: (text) => warnings.push(text),
    });
    context.after(() => {
      socket.close();
      rmSync(dir, { recursive: true, force: true });
    });
    const [first, second] = [connect(path), connect(path)];
    await Promise.all([once(first, 'connect'), once(second, 'connect')]);
    second.end('{"type":"handler-started"}\0{"type":"unrecoverable-error"}\0{"type":"handler-started"}\0');
    await once(second.resume(), 'close');
    assert.deepEqual(firsts, [false]);
    assert.match(warnings.join(), /not read any more: RangeError: as a frame/);
    first.end('{"type":"handler-started"}\0');
    while (firsts.length < 2) await new Promise((resolve) => void setTimeout(resolve, 5));
    assert.deepEqual(firsts, [false, true]);
  },
);
