/**
 * console.* and what is written to process.stdout, process.stderr and their descriptors become log lines of the
 * invocation that wrote them.
 * One call of console.* is one line, with its newlines inside; streams are cut at newlines. The real stdout stays silent,
 * or every line would come twice; what native code and process crashes write to the descriptors is the provider's to read.
 */
import type { StringDecoder } from 'node:string_decoder';
import type { Call } from '../../src/core/call.ts';
import { limits } from '../../src/base/limits.ts';
import type { LogLevel, LogSource } from '../../src/tunnel/payload.ts';
import { captureDescriptors } from './descriptors.ts';
import type { Host } from './host.ts';

const levels: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  warn: 'warn',
  error: 'error',
  trace: 'error',
  assert: 'error',
};

/** Replaces the methods of the global console, the two streams, and what writes to their descriptors. Once per instance. */
export function captureOutput(host: Host): void {
  const stdout = new Lines('info', 'stdout', host);
  const stderr = new Lines('error', 'stderr', host);
  captureConsole(host);
  captureStream('stdout', stdout);
  captureStream('stderr', stderr);
  captureDescriptors((fd, chunk) => (fd === 1 ? stdout : stderr).push(chunk));
}

/** Node's own console does the formatting: groups, tables, timers, counters; only its streams are ours. */
function captureConsole(host: Host): void {
  let level: LogLevel | null = null;
  const sink = (fallback: LogLevel, source: LogSource): NodeJS.WritableStream => {
    const write = (text: string): boolean => {
      host.log(level ?? fallback, source, text.endsWith('\n') ? text.slice(0, -1) : text, host.currentCall() ?? null);
      return true;
    };
    return { write } as unknown as NodeJS.WritableStream;
  };
  const { Console } = process.getBuiltinModule('node:console');
  const ours = new Console({
    stdout: sink('info', 'stdout'),
    stderr: sink('error', 'stderr'),
    ignoreErrors: false,
    colorMode: false,
  });
  const target = globalThis.console as unknown as Record<string, unknown>;
  for (const name of Object.keys(ours)) {
    const method = (ours as unknown as Record<string, unknown>)[name];
    if (typeof method !== 'function' || name === '_stdoutErrorHandler' || name === '_stderrErrorHandler') continue;
    const own = levels[name];
    target[name] =
      own === undefined
        ? method
        : (...args: unknown[]): void => {
            level = own;
            try {
              (method as (...args: unknown[]) => void)(...args);
            } finally {
              level = null;
            }
          };
  }
}

/** Text as it is written, cut into lines; what has no newline yet waits a little, or for the next invocation's turn. */
class Lines {
  readonly #level: LogLevel;
  readonly #source: LogSource;
  readonly #host: Host;
  /** Characters may be cut in two by whoever writes bytes. */
  #decoder: StringDecoder | null = null;
  #partial = '';
  #call: Call | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(level: LogLevel, source: LogSource, host: Host) {
    this.#level = level;
    this.#source = source;
    this.#host = host;
  }

  push(chunk: string | Uint8Array): void {
    this.#decoder ??= new (process.getBuiltinModule('node:string_decoder').StringDecoder)('utf8');
    const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    const call = this.#host.currentCall() ?? null;
    if (call !== this.#call) this.flush();
    this.#call = call;
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#write(line);
    if (this.#partial.length > limits.partialLineBytes) this.flush();
    if (this.#partial === '' || this.#timer !== null) return;
    this.#timer = setTimeout(() => this.flush(), limits.partialLineMs);
    this.#timer.unref();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const text = this.#partial;
    this.#partial = '';
    if (text !== '') this.#write(text);
  }

  #write(line: string): void {
    this.#host.log(this.#level, this.#source, line.endsWith('\r') ? line.slice(0, -1) : line, this.#call);
  }
}

/** The stream is made when user code looks at it: a real one costs a millisecond at start-up. */
function captureStream(name: 'stdout' | 'stderr', lines: Lines): void {
  let stream: NodeJS.WritableStream | null = null;
  process.once('exit', () => lines.flush());
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => (stream ??= makeStream(name, lines)),
    // Test runners and loggers replace it.
    set: (value: NodeJS.WritableStream) => {
      stream = value;
    },
  });
}

function makeStream(name: 'stdout' | 'stderr', lines: Lines): NodeJS.WritableStream {
  const { Writable } = process.getBuiltinModule('node:stream');
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, encoding, done) {
      lines.push(typeof chunk === 'string' && encoding !== 'utf8' ? Buffer.from(chunk, encoding) : chunk);
      done();
    },
  });
  // As on a process's own: they are never closed.
  stream.destroy = () => stream;
  return Object.assign(stream, { fd: name === 'stdout' ? 1 : 2, isTTY: false, _type: 'pipe', _isStdio: true });
}
