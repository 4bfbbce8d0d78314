import { limits } from '../../src/base/limits.ts';
import { ReceiveCredit, SendCredit } from '../../src/tunnel/flow.ts';
import type { SimInstance } from './instance.ts';
import { bodyBytes } from './pattern.ts';
import type { Trial } from './trial.ts';

const answerHead = ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store'].join('\n');

/** An invocation in a simulated instance: what user code would do with it, by its script. */
export class SimCall {
  readonly stream: number;
  readonly trial: Trial;
  readonly #instance: SimInstance;
  #over = false;
  #cpuUs = 0;
  #send: SendCredit | null = null;
  #receive: ReceiveCredit | null = null;
  #requestEnded = false;
  #waiting = false;

  constructor(instance: SimInstance, stream: number, trial: Trial) {
    this.#instance = instance;
    this.stream = stream;
    this.trial = trial;
  }

  run(): void {
    const { script } = this.trial;
    this.trial.arrived = 0;
    this.#cpuUs = 100 + (this.trial.number % 900);
    if (script.workMs === 0) this.#answer();
    else this.#instance.later(script.workMs, this.#answer);
  }

  requestBody(chunk: Buffer): void {
    const credit = (this.#receive ??= new ReceiveCredit());
    credit.receive(chunk.length);
    this.trial.requestChunk(chunk);
    const { length } = chunk;
    const consumed = (): void => {
      const grant = this.#over ? 0 : credit.consumed(length);
      if (grant > 0) this.#instance.writer.credit(this.stream, grant);
    };
    const { random } = this.#instance.world;
    if (random.below(4) > 0) consumed();
    else this.#instance.later(random.below(10), consumed);
  }

  requestEnd(): void {
    const { requestBytes } = this.trial.script;
    if (this.trial.arrived !== requestBytes) {
      this.trial.violated('I4', `its request ended with ${this.trial.arrived} of ${requestBytes} bytes`);
    }
    this.#requestEnded = true;
    if (this.trial.script.answer === 'upgrade' && this.#send !== null) this.#pump();
  }

  credited(bytes: number): void {
    this.#send?.grant(bytes);
    if (this.#send !== null) this.#pump();
  }

  cancelled(): void {
    if (!this.#over) this.#finish();
  }

  readonly #answer = (): void => {
    if (this.#over) return;
    const { script } = this.trial;
    const { writer } = this.#instance;
    // Most read the whole request first; some answer without.
    const reads = script.requestBytes > 0 && script.answer === 'reply' && this.trial.number % 4 > 0;
    if (reads && !this.#requestEnded) {
      this.#instance.later(5, this.#answer);
      return;
    }
    for (let count = 0; count < script.informs; count += 1) writer.inform(this.stream, 103, 'link\n</a.css>');
    switch (script.answer) {
      case 'hang':
        return;
      case 'fail':
        this.trial.functionFailed = true;
        writer.failed(this.stream, 'FUNCTION_INVOCATION_FAILED', 'simulated');
        this.#finish();
        return;
      case 'reply':
        this.#reply();
        return;
      case 'stream':
      case 'upgrade': {
        const status = script.answer === 'upgrade' ? 101 : 200;
        const fields = { complete: false, status, cpuUs: 0, head: answerHead, body: null };
        writer.response(this.stream, fields);
        this.#send = new SendCredit();
        this.#pump();
      }
    }
  };

  #reply(): void {
    const { script, number } = this.trial;
    const { writer, world } = this.#instance;
    const body = script.responseBytes === 0 ? null : bodyBytes(number, 0, script.responseBytes);
    const fields = { complete: true, status: 200, cpuUs: this.#cpuUs, head: answerHead, body };
    this.trial.functionEnded = true;
    writer.response(this.stream, fields);
    // An end that comes twice is an old frame the second time.
    if (world.faulty && world.random.below(1000) < world.profile.duplicate) writer.response(this.stream, fields);
    this.#finish();
  }

  /** Sends what the credit allows, now and then only after a while; BODY_END when that is all. */
  #pump(): void {
    const { script, number } = this.trial;
    const { writer, world } = this.#instance;
    while (!this.#over && !this.#waiting && this.trial.functionSent < script.responseBytes) {
      const wanted = Math.min(
        script.responseBytes - this.trial.functionSent,
        1 + world.random.below(limits.chunkBytes),
      );
      const length = this.#send!.take(wanted);
      if (length === 0) return;
      writer.body(this.stream, bodyBytes(number, this.trial.functionSent, length));
      this.trial.functionSends(length);
      if (world.random.below(6) > 0) continue;
      this.#waiting = true;
      this.#instance.later(world.random.below(8), () => {
        this.#waiting = false;
        this.#pump();
      });
    }
    if (this.#over || this.#waiting || (script.answer === 'upgrade' && !this.#requestEnded)) return;
    this.trial.functionEnded = true;
    writer.bodyEnd(this.stream, this.#cpuUs);
    if (world.faulty && world.random.below(1000) < world.profile.duplicate) writer.bodyEnd(this.stream, this.#cpuUs);
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#instance.finished(this, this.#cpuUs);
  }
}
