import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { DeploymentEvent } from '../../api/deployments.ts';

type LogEvent = DeploymentEvent & { readonly type: 'log' };

/** What is said while one deployment is made: kept for whoever comes late, told to whoever listens. */
export class MakingLog {
  readonly #clock: Clock;
  readonly #lines: LogEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly log: Log = {
    debug: () => undefined,
    info: (text) => this.#say('info', text),
    warn: (text) => this.#say('warn', text),
    error: (text) => this.#say('error', text),
  };

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Nothing more will be said. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** From the beginning until the end, or until the signal fires. */
  async *follow(signal: AbortSignal): AsyncGenerator<LogEvent> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      for (let at = 0; !signal.aborted;) {
        const line = this.#lines[at];
        if (line !== undefined) {
          at += 1;
          yield line;
        } else if (this.#ended) return;
        else await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #say(level: LogEvent['level'], text: string): void {
    if (this.#ended || this.#lines.length > limits.makeLogLines) return;
    const isLast = this.#lines.length === limits.makeLogLines;
    const said = isLast ? 'what follows is left out' : text.slice(0, limits.makeLogLineLength);
    this.#lines.push({ type: 'log', level, text: said, atMs: this.#clock.wallMs() });
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
