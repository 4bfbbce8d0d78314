import { styleText } from 'node:util';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { textLog } from '../base/log.ts';
import type { FunctionLogLine } from '../main.ts';

/** Where lines go. Standard output and error of this process, or a test's own. */
export interface Streams {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

/** What a person sees. */
export interface Terminal {
  /** A line on standard output. */
  readonly say: (line: string) => void;
  /** A line on standard error. */
  readonly complain: (line: string) => void;
  /** What the platform logs: warnings and errors go to standard error. */
  readonly log: Log;
  /** What a function logs. */
  readonly functionLog: (line: FunctionLogLine) => void;
}

const colours = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' } as const;

export function terminal({ out, err }: Streams): Terminal {
  const say = linesTo(out);
  const complain = linesTo(err);
  const information = textLog(say);
  const trouble = textLog(complain);
  return {
    say,
    complain,
    log: {
      debug: (message, fields) => information.debug(message, fields),
      info: (message, fields) => information.info(message, fields),
      warn: (message, fields) => trouble.warn(message, fields),
      error: (message, fields) => trouble.error(message, fields),
    },
    functionLog({ label, level, invocationId, text }) {
      // Coloured on a terminal only, and not where NO_COLOR is set: styleText looks at the stream and the environment.
      const name = styleText(colours[level], `[${label}]`, { stream: out });
      const prefix = invocationId === null ? name : `${name} ${styleText('dim', invocationId, { stream: out })}`;
      for (const line of text.replace(/\n$/, '').split('\n')) say(`${prefix} ${line}`);
    },
  };
}

/**
 * Lines of one turn of the loop in one write. Whoever read them may be gone (`weir dev | head`): then they are dropped.
 * Or may not be reading (a terminal held by Ctrl-S): then what is over limits.terminalBacklogBytes is dropped, and counted.
 */
function linesTo(stream: NodeJS.WriteStream): (line: string) => void {
  let pending = '';
  let gone = false;
  let dropped = 0;
  stream.on('error', () => {
    gone = true;
    pending = '';
  });
  const flush = (): void => {
    const text = pending;
    pending = '';
    if (text !== '' && !gone) stream.write(text);
  };
  const add = (line: string): void => {
    if (pending === '') setImmediate(flush);
    pending += `${line}\n`;
  };
  const tell = (): void => {
    if (dropped > 0) add(`weir: ${dropped} ${dropped === 1 ? 'line was' : 'lines were'} dropped: nobody read them`);
    dropped = 0;
  };
  stream.on('drain', tell);
  process.once('exit', () => {
    tell();
    flush();
  });
  return (line) => {
    if (gone) return;
    // In characters as far as it is not yet written: near enough. Not one line dropped and one shown by turns.
    const mostBytes = dropped > 0 ? limits.terminalBacklogBytes / 2 : limits.terminalBacklogBytes;
    if (stream.writableLength + pending.length + line.length > mostBytes) {
      dropped += 1;
      return;
    }
    tell();
    add(line);
  };
}
