import { channels } from '../../base/channels.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { InvocationRecord } from '../../model/telemetry.ts';
import { attributesOf, spansOf } from './spans.ts';
import type { TraceSettings } from './trace-settings.ts';

export interface TraceExporterOptions {
  readonly settings: TraceSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly region: string;
  readonly fetch?: typeof fetch;
}

type Sent =
  | { readonly kind: 'taken' }
  /** To be tried again; null: after the usual pause. */
  | { readonly kind: 'later'; readonly why: string; readonly afterMs: number | null }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Sends what invocations went through to a collector (OTLP/HTTP, JSON), one request at a time. What waits is bounded: when the
 * collector cannot keep up, what comes is dropped, and told of once.
 */
export class TraceExporter {
  readonly #options: TraceExporterOptions;
  #waiting: InvocationRecord[] = [];
  #timer: Timer | null = null;
  #sending: Promise<void> | null = null;
  #isClosing = false;
  /** Ends pauses and requests. */
  readonly #end = new AbortController();
  #trouble = '';
  dropped = 0;

  constructor(options: TraceExporterOptions) {
    this.#options = options;
    channels.invocation.subscribe(this.#onInvocation);
  }

  /** Sends what is left, for limits.traceFlushMs at most. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    channels.invocation.unsubscribe(this.#onInvocation);
    const timer = this.#options.clock.after(limits.traceFlushMs, () => this.#end.abort());
    this.#send();
    await this.#sending;
    timer.cancel();
  }

  readonly #onInvocation = (message: unknown): void => {
    const record = message as InvocationRecord;
    if (record.trace?.sampled !== true) return;
    if (this.#waiting.length >= limits.traceQueue) {
      this.#drop(1, 'more invocations come than the collector takes');
      return;
    }
    this.#waiting.push(record);
    if (this.#waiting.length >= limits.traceBatch) this.#send();
    else this.#timer ??= this.#options.clock.after(limits.traceBatchMs, () => this.#send());
  };

  #send(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#sending !== null || this.#waiting.length === 0) return;
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = null;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, limits.traceBatch);
      await this.#deliver(batch);
      // The rest is not worth a request of its own yet.
      if (this.#waiting.length < limits.traceBatch && !this.#isClosing) break;
    }
    if (this.#waiting.length > 0) this.#timer ??= this.#options.clock.after(limits.traceBatchMs, () => this.#send());
  }

  async #deliver(batch: readonly InvocationRecord[]): Promise<void> {
    const body = this.#bodyOf(batch);
    let pauseMs: number = limits.traceRetryMs;
    for (let attempt = 1; !this.#end.signal.aborted; attempt += 1) {
      const sent = await this.#post(body);
      if (sent.kind === 'taken') {
        this.#recovered();
        return;
      }
      if (sent.kind === 'refused' || attempt === limits.traceAttempts) {
        this.#drop(batch.length, sent.why);
        return;
      }
      await this.#pause(Math.min(sent.afterMs ?? pauseMs, limits.traceRetryMaxMs));
      pauseMs = Math.min(2 * pauseMs, limits.traceRetryMaxMs);
    }
    this.#drop(batch.length, 'the platform ends');
  }

  async #post(body: string): Promise<Sent> {
    const { settings, clock } = this.#options;
    const request = new AbortController();
    const timer = clock.after(settings.timeoutMs, () => request.abort());
    try {
      const response = await (this.#options.fetch ?? fetch)(settings.url, {
        method: 'POST',
        headers: { ...settings.headers, 'Content-Type': 'application/json' },
        body,
        // Headers of the operator's may be secrets: they go to the collector alone.
        redirect: 'error',
        signal: AbortSignal.any([request.signal, this.#end.signal]),
      });
      await response.body?.cancel();
      if (response.ok) return { kind: 'taken' };
      const why = `the collector answered ${response.status}`;
      if (response.status !== 429 && response.status < 500) return { kind: 'refused', why };
      return { kind: 'later', why, afterMs: retryAfterMs(response.headers.get('retry-after'), clock.wallMs()) };
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { message?: string } };
      const why = request.signal.aborted ? 'the collector took too long' : (cause?.message ?? message);
      return { kind: 'later', why, afterMs: null };
    } finally {
      timer.cancel();
    }
  }

  #pause(pauseMs: number): Promise<void> {
    const { signal } = this.#end;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#options.clock.after(pauseMs, done);
      signal.addEventListener('abort', done);
    });
  }

  #bodyOf(batch: readonly InvocationRecord[]): string {
    const { settings, region, version } = this.#options;
    const resource = { attributes: attributesOf({ ...settings.resource, 'service.version': version }) };
    const spans = batch.flatMap((record) => spansOf(record, record.trace!, region));
    return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'weir', version }, spans }] }] });
  }

  #drop(count: number, why: string): void {
    this.dropped += count;
    if (this.#trouble !== '') return;
    this.#trouble = why;
    this.#options.log.warn('traces are dropped', { why });
  }

  #recovered(): void {
    if (this.#trouble === '' || this.#waiting.length >= limits.traceQueue / 2) return;
    this.#trouble = '';
    this.#options.log.info('traces are sent again', { dropped: this.dropped });
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3). Null: neither. */
export function retryAfterMs(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const atMs = value.endsWith('GMT') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
