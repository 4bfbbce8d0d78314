import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { terminal } from './terminal.ts';

/** A stream that remembers its writes. */
function sink(fails = false) {
  const writes: string[] = [];
  const written = Promise.withResolvers<void>();
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      writes.push(chunk.toString());
      written.resolve();
      done(fails ? new Error('EPIPE') : null);
    },
  });
  return { writes, written: written.promise, stream: stream as unknown as NodeJS.WriteStream };
}

const line = {
  atMs: 0,
  functionId: 'd/f',
  instance: 'ins_1',
  invocationId: 'inv_1',
  level: 'info',
  source: 'stdout',
} as const;

test('a function’s lines carry its label and the invocation; one turn of the loop is one write', async () => {
  const out = sink();
  const { functionLog } = terminal({ out: out.stream, err: sink().stream });
  functionLog({ ...line, label: 'p/api/a', text: 'one' });
  functionLog({ ...line, label: 'p/api/a', text: 'two\nthree\n' });
  functionLog({ ...line, label: 'p/api/a', invocationId: null, text: 'four' });
  await out.written;
  assert.deepEqual(out.writes, ['[p/api/a] inv_1 one\n[p/api/a] inv_1 two\n[p/api/a] inv_1 three\n[p/api/a] four\n']);
});

test('on a terminal the label is coloured by level', async () => {
  const out = sink();
  Object.assign(out.stream, { isTTY: true, hasColors: () => true, getColorDepth: () => 8 });
  terminal({ out: out.stream, err: sink().stream }).functionLog({ ...line, label: 'p/f', level: 'error', text: 'x' });
  await out.written;
  assert.ok(out.writes[0]!.includes('\u001B[31m[p/f]'), JSON.stringify(out.writes[0]));
});

test('information goes to standard output, trouble to standard error', async () => {
  const [out, err] = [sink(), sink()];
  const { log, say, complain } = terminal({ out: out.stream, err: err.stream });
  say('said');
  log.info('known', { n: 1 });
  log.debug('not shown');
  log.warn('careful');
  complain('no');
  await Promise.all([out.written, err.written]);
  assert.deepEqual([out.writes, err.writes], [['said\nknown n=1\n'], ['warn: careful\nno\n']]);
});

test('lines for a reader that has gone are dropped', async () => {
  const out = sink(true);
  const { say } = terminal({ out: out.stream, err: sink().stream });
  const gone = new Promise((resolve) => out.stream.once('close', resolve));
  say('one');
  await gone;
  say('two');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(out.writes, ['one\n']);
});

test('for a reader that does not read, lines beyond a limit are dropped, and counted once it reads again', async () => {
  const writes: string[] = [];
  const taken: (() => void)[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      writes.push(chunk.toString());
      taken.push(done);
    },
  });
  const { say } = terminal({ out: stream as unknown as NodeJS.WriteStream, err: sink().stream });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const line = 'x'.repeat(64 * 1024);
  const lines = limits.terminalBacklogBytes / line.length + 10;
  for (let count = 0; count < lines; count += 1) {
    say(line);
    await turn();
  }
  assert.ok(stream.writableLength <= limits.terminalBacklogBytes, `${stream.writableLength} bytes wait`);
  const drained = new Promise((resolve) => stream.once('drain', resolve));
  while (taken.length > 0) {
    taken.shift()!();
    await turn();
  }
  await drained;
  say('read again');
  await turn();
  taken.shift()?.();
  await turn();
  const text = writes.join('');
  const shown = text.split('\n').filter((each) => each === line).length;
  assert.ok(
    text.endsWith(`\nweir: ${lines - shown} lines were dropped: nobody read them\nread again\n`),
    text.slice(-200),
  );
  assert.ok(lines - shown > 5);
});
