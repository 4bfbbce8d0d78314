// Hot path: one object and one HTTP request per invocation of a program.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { CallListener } from '../call.ts';
import { nextTick } from '../loop.ts';
import type { StreamCall } from '../stream.ts';
import { request } from './http-client.ts';
import { answerFields, requestFields, upgradeFields } from './program-head.ts';
import type { ProgramPool } from './program-pool.ts';
import type { Charged } from './shared-charges.ts';

export interface ProgramHost {
  readonly pool: ProgramPool;
  /** Something came of it. */
  heard(): void;
  /** 101: nothing has to come any more. */
  upgraded(call: ProgramCall): void;
  /** Complete, failed or cancelled. Once. */
  over(call: ProgramCall): void;
}

export type ProgramPhase =
  | 'asked'
  | 'answering'
  /** After a 101: raw bytes both ways. */
  | 'raw'
  /** Its connection has broken. If that is because the process is gone, its end is about to be heard of, and says more. */
  | 'broken'
  | 'over';

export const transitions: Readonly<Record<ProgramPhase, readonly ProgramPhase[]>> = {
  asked: ['answering', 'raw', 'broken', 'over'],
  answering: ['broken', 'over'],
  raw: ['broken', 'over'],
  broken: ['over'],
  over: [],
};

/** How long the end of a process is waited for that may explain a broken connection. */
const explainMs = 250;

/** One invocation as a request to a program. */
export class ProgramCall implements CallListener, Charged {
  measuredUs = -1;
  usedUs = 0;
  sinceMs = 0;
  place = -1;
  readonly call: StreamCall;
  /** By which its messages name it; 0: it is not told. */
  readonly number: number;
  readonly #host: ProgramHost;
  readonly #internal: readonly string[];
  #phase: ProgramPhase = 'asked';
  #request: ClientRequest | null = null;
  #answer: IncomingMessage | null = null;
  #raw: Duplex | null = null;
  #owedBytes = 0;
  #bodyBegan = false;
  #isRetried = false;
  #settle: (() => void) | null = null;

  /** `number`: with it the handler counts until the program has said that it is done. */
  constructor(host: ProgramHost, call: StreamCall, number: number, internal: readonly string[]) {
    this.#host = host;
    this.call = call;
    this.number = number;
    this.#internal = internal;
    if (number === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settle = resolve;
    call.handling = promise;
  }

  get isRaw(): boolean {
    return this.#raw !== null;
  }

  start(): void {
    const { call } = this;
    try {
      this.#ask();
    } catch (error) {
      // What HTTP/1.1 cannot say, of a head that came by another way.
      call.fail('INTERNAL_UNEXPECTED_ERROR', error instanceof Error ? error.message : String(error));
      this.#end();
    }
  }

  /** `end`, or the process is gone. */
  returned(): void {
    this.#settle?.();
    this.#settle = null;
  }

  lost(): void {
    this.returned();
    if (this.#phase !== 'over') this.#end();
  }

  // — from the core —

  body(chunk: Buffer): void {
    this.#bodyBegan = true;
    const to = this.#raw ?? this.#request;
    if (to === null || to.destroyed) return;
    if (to.write(chunk)) this.call.consumed(chunk.length);
    else this.#owedBytes += chunk.length;
  }

  bodyEnd(): void {
    if (this.#raw !== null) this.#raw.end();
    else if (this.call.hasBody) this.#request?.end();
  }

  writable(): void {
    if (this.#raw !== null) this.#raw.resume();
    else this.#answer?.resume();
  }

  cancelled(): void {
    this.#end();
  }

  // — from the program —

  #ask(): void {
    const { call } = this;
    const { pool } = this.#host;
    const sent = request({
      agent: pool.agent,
      ...pool.place,
      method: call.method,
      path: call.target,
      headers: requestFields(call, this.#internal),
      setHost: false,
      maxHeaderSize: limits.headBytes,
    });
    this.#request = sent;
    sent.on('response', this.#answered);
    sent.on('error', this.#broke);
    sent.on('information', this.#informed);
    sent.on('upgrade', this.#upgraded);
    if (!call.hasBody) {
      sent.end();
      return;
    }
    sent.on('drain', this.#drained);
    // With the first of the body where that is here already, which is the rule.
    // flushHeaders() would write the bytes of the head as UTF-8 characters.
    nextTick(() => void (this.#bodyBegan || sent.destroyed || sent.writableEnded || sent.write('', 'latin1')));
  }

  readonly #drained = (): void => {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.call.consumed(bytes);
  };

  readonly #informed = ({ statusCode, rawHeaders }: { statusCode: number; rawHeaders: string[] }): void => {
    this.#host.heard();
    // That it may go on with its body is nothing to the client: the edge has told it.
    if (statusCode !== 100 && statusCode !== 101) this.call.inform(statusCode, answerFields(rawHeaders));
  };

  readonly #answered = (answer: IncomingMessage): void => {
    this.#host.heard();
    if (this.#phase !== 'asked') return;
    this.#enter('answering');
    this.#answer = answer;
    answer.on('data', this.#piece);
    answer.on('end', this.#complete);
    answer.on('error', this.#broke);
    this.call.head(answer.statusCode ?? 0, answerFields(answer.rawHeaders));
    if (this.call.over) this.#end();
  };

  readonly #piece = (chunk: Buffer): void => {
    this.#host.heard();
    if (!this.call.write(chunk)) (this.#raw ?? this.#answer)?.pause();
  };

  readonly #complete = (): void => {
    if (this.#phase !== 'answering' && this.#phase !== 'raw') return;
    this.call.end();
    this.#end();
  };

  readonly #upgraded = (answer: IncomingMessage, socket: Duplex, early: Buffer): void => {
    this.#host.heard();
    if (this.#phase !== 'asked' || !this.call.upgrade) {
      socket.destroy();
      if (this.#phase === 'asked')
        this.#fail('FUNCTION_RESPONSE_INVALID', 'status 101 to a request that asked for no upgrade');
      return;
    }
    this.#enter('raw');
    this.#raw = socket;
    this.#host.upgraded(this);
    socket.on('data', this.#piece);
    socket.on('end', this.#complete);
    socket.on('error', this.#broke);
    socket.on('close', () => this.#broke(new Error('it was closed')));
    socket.on('drain', this.#drained);
    this.call.head(101, upgradeFields(answer.rawHeaders));
    if (early.length > 0) this.#piece(early);
    if (!socket.isPaused()) socket.resume();
  };

  readonly #broke = (error: Error): void => {
    if (this.#phase === 'over' || this.#phase === 'broken') return;
    const code = 'code' in error ? String(error.code) : '';
    // Nothing of it has left, and nothing of it has to come again.
    if (this.#phase === 'asked' && code === 'ECONNREFUSED' && !this.#isRetried && !this.call.hasBody) {
      this.#isRetried = true;
      this.start();
      return;
    }
    if (code.startsWith('HPE_')) {
      this.#fail('FUNCTION_RESPONSE_INVALID', `the program answered with something that is not HTTP (${code})`);
      return;
    }
    const when = this.#phase === 'asked' ? 'before it answered' : 'in the middle of its answer';
    this.#enter('broken');
    this.#leave();
    systemClock.after(explainMs, () => {
      if (this.#phase !== 'broken') return;
      this.#fail('FUNCTION_INVOCATION_FAILED', `the program closed the connection ${when} (${code || error.message})`);
    });
  };

  #fail(code: string, detail: string): void {
    this.call.fail(code, detail);
    this.#end();
  }

  /** The one way to the end. A connection whose request or answer is not complete is not used again. */
  #end(): void {
    if (this.#phase === 'over') return;
    this.#leave();
    this.#enter('over');
    this.#host.over(this);
    // It is remembered for what is logged late; its connection need not be.
    this.#request = null;
    this.#answer = null;
  }

  #leave(): void {
    if (this.#raw !== null) {
      // Both sides have ended, or one of them does not want to hear more.
      if (this.#raw.readableEnded) this.#raw.end();
      else this.#raw.destroy();
    } else if (this.#answer?.readableEnded !== true || this.#request?.writableFinished !== true) {
      this.#request?.destroy();
    }
  }

  #enter(next: ProgramPhase): void {
    if (!transitions[this.#phase].includes(next)) {
      throw new TypeError(`a request to a program cannot go from ${this.#phase} to ${next}`);
    }
    this.#phase = next;
  }
}
