// A process whose output is captured; what the log got is written to the real stdout at its end, as JSON.
import fs, { write as writeFd, writeSync as writeFdSync } from 'node:fs';
import { promisify } from 'node:util';
import { captureOutput } from './console.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';

// What is captured is what user code sees.
const { writeSync } = fs;
const host = new FakeHost();
captureOutput(host);

const inside = (act: () => void): void => void new FakeCall().begin(act);
const write = (text: string): boolean => process.stdout.write(text);

// What user code calls by its global name.
const { console: user } = globalThis;
user.log('outside %d', 1);
inside(() => {
  user.log({ a: { b: { c: { d: 1 } } } }, 'two\nlines');
  user.debug('debug');
  user.info('info');
  user.warn('warn');
  user.error(new Error('with a stack'));
  user.group('group');
  user.log('indented');
  user.groupEnd();
  user.assert(false, 'asserted');
  user.log('');
});
inside(() => {
  write('part ');
  write('of a line\nand ano');
  write('ther\r\nnot en');
});
inside(() => write('ded by its own invocation\n'));
process.stderr.write(Buffer.from('é').subarray(0, 1));
process.stderr.write(Buffer.from('é\n').subarray(1));
// Loggers write to the descriptors themselves; what came of each call is kept for the test.
const outcomes: unknown[] = [];
const heard =
  (what: string) =>
  (error: unknown, bytes: number, data: unknown): void =>
    void outcomes.push([what, error, bytes, typeof data]);
const code = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};
inside(() => {
  outcomes.push(fs.writeSync(1, 'fd text ä\n'), writeFdSync(2, Buffer.from('-fd bytes\n-'), 1, 9));
  outcomes.push(fs.writevSync(1, [Buffer.from('fd '), Buffer.from('vector\n')]));
  outcomes.push(fs.writeSync(1, '666420686578', null, 'hex'), fs.writeSync(1, '\n'));
  fs.write(1, 'fd later\n', heard('string'));
  writeFd(1, Buffer.from('..fd options\n'), { offset: 2 }, heard('options'));
  fs.writev(1, [Buffer.from('fd vector later\n')], heard('vector'));
  outcomes.push(
    code(() => fs.writeSync(1, 5 as never)),
    code(() => fs.write(1, 'x', 'no callback' as never)),
  );
  outcomes.push(
    code(() => fs.writeSync(1, Buffer.from('x'), 7)),
    code(() => fs.writeSync(99, 'x')),
  );
});
const { bytesWritten } = await promisify(fs.write)(1, Buffer.from('fd promised\n'));
outcomes.push(bytesWritten);
process.stdout.write('left over');
process.once('exit', () => {
  const ids = [...new Set(host.lines.map(({ call }) => call))];
  const lines = host.lines.map(({ level, source, text, call }) => [level, source, text, ids.indexOf(call)]);
  writeSync(
    1,
    JSON.stringify([lines, outcomes, process.stdout.isTTY, (process.stdout as unknown as { fd: number }).fd]),
  );
});
