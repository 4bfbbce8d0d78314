import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from '../base/errors.ts';
import { Failure } from './failure.ts';

export interface Asking {
  readonly input: NodeJS.ReadStream;
  /** Where questions are shown. */
  readonly err: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

/** One line that a person writes; `hidden`: it is not shown. Null: there is no person. */
export async function prompt(
  question: string,
  hidden: boolean,
  { input, err, signal }: Asking,
): Promise<string | null> {
  if (!input.isTTY) return null;
  // What readline would echo goes nowhere.
  const output = hidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : err;
  const lines = createInterface({ input, output, terminal: true });
  // In raw mode Ctrl-C is a key.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    if (hidden) err.write(question);
    const answer = await lines.question(hidden ? '' : question, { signal });
    if (hidden) err.write('\n');
    return answer;
  } finally {
    lines.close();
  }
}

/** Whatever is piped in, without the newline at its end. At most `mostBytes` of it. */
export async function piped(input: NodeJS.ReadStream, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > mostBytes) throw new UsageError(`standard input: more than ${mostBytes} bytes`);
    chunks.push(part);
  }
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '');
}

/** Asks before what cannot be undone. Without a person it needs `--yes`. */
export async function confirmed(question: string, asking: Asking): Promise<void> {
  const answer = await prompt(`${question} [y/N] `, false, asking);
  if (answer === null) throw new UsageError(`${question} Nobody is there to be asked: --yes says yes`);
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new Failure('failed', 'DECLINED', 'nothing was done');
}
