import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { setImmediate } from './loop.ts';
import { announceTermination, keepListening } from './process-events.ts';

interface ExitOptions {
  readonly clock: Clock;
  /** The platform, or the system, wants the process to end. */
  terminated(): void;
  /** Writes what is pending. */
  flush(): void;
  /** Bytes that the kernel has not taken yet. */
  unsentBytes(): number;
}

/** How often to look whether the last bytes have left. */
const lookMs = 2;

/**
 * The end of the process. User code's SIGTERM listeners run once, whether the signal came or not, and get
 * limits.terminateGraceMs from then on; what was written leaves before.
 */
export class Exit {
  readonly #options: ExitOptions;
  /** When user code was told, if it listens. */
  #toldMs: number | null = null;
  #signalled = false;
  #code: number | null = null;
  /** Within process 'exit': nothing comes after this call. */
  now = false;

  constructor(options: ExitOptions) {
    this.#options = options;
    keepListening('SIGTERM', this.#onTerminate);
    // Ctrl-C reaches the whole group of a terminal: the platform drains its instances then.
    keepListening('SIGINT', ignoreInterrupt);
    process.on('exit', () => {
      this.now = true;
      options.flush();
    });
  }

  /** Runs user code's listeners, if that was not done. Returns how much of their time is left, milliseconds. */
  announce(): number {
    const { clock } = this.#options;
    if (!this.#signalled) {
      this.#signalled = true;
      if (announceTermination(this.#onTerminate)) this.#toldMs = clock.nowMs();
    }
    return this.#toldMs === null ? 0 : Math.max(0, this.#toldMs + limits.terminateGraceMs - clock.nowMs());
  }

  /** Idempotent: the first code counts. */
  end(code: number): void {
    if (this.#code !== null) return;
    this.#code = code;
    const graceMs = this.announce();
    const leave = (): void => this.#leave(this.#options.clock.nowMs() + limits.lingerMs);
    if (graceMs > 0) setTimeout(leave, graceMs);
    else setImmediate(leave);
  }

  #leave(untilMs: number): void {
    const { clock } = this.#options;
    if (this.#options.unsentBytes() === 0 || clock.nowMs() >= untilMs) process.exit(this.#code ?? 0);
    setTimeout(() => this.#leave(untilMs), lookMs);
  }

  readonly #onTerminate = (): void => {
    if (this.#signalled) return;
    this.#signalled = true;
    if (process.listenerCount('SIGTERM') > 1) this.#toldMs = this.#options.clock.nowMs();
    this.#options.terminated();
  };
}

const ignoreInterrupt = (): void => undefined;
