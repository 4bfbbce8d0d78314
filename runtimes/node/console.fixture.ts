// A process whose output is captured; what the log got is written to the real stdout at its end, as JSON.
import { writeSync } from 'node:fs';
import { captureOutput } from './console.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';

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
process.stdout.write('left over');
process.once('exit', () => {
  const ids = [...new Set(host.lines.map(({ call }) => call))];
  const lines = host.lines.map(({ level, source, text, call }) => [level, source, text, ids.indexOf(call)]);
  writeSync(1, JSON.stringify([lines, process.stdout.isTTY, (process.stdout as unknown as { fd: number }).fd]));
});
