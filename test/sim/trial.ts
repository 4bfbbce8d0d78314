import type { Failure } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { Exchange, Invocation, RequestHead } from '../../src/model/invoke.ts';
import { bodyBytes, isBody } from './pattern.ts';
import { happens, type Profile } from './profile.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What one invocation is to be like, on both sides. */
export interface Script {
  readonly answer: 'reply' | 'stream' | 'fail' | 'hang' | 'upgrade';
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly workMs: number;
  readonly cancelAfterMs: number;
  readonly slowReader: boolean;
  readonly informs: number;
}

export function scriptOf(profile: Profile, random: Random): Script {
  const roll = random.below(1000);
  const { failed, hang, upgrade, streamed } = profile;
  let answer: Script['answer'] = 'reply';
  if (roll < failed) answer = 'fail';
  else if (roll < failed + hang) answer = 'hang';
  else if (roll < failed + hang + upgrade) answer = 'upgrade';
  else if (roll < failed + hang + upgrade + streamed) answer = 'stream';
  const large = random.below(8) === 0 ? 900_000 : 20_000;
  const streams = answer === 'stream' || answer === 'upgrade';
  return {
    answer,
    requestBytes: answer === 'upgrade' || happens(random, profile.requestBody) ? random.below(large) : 0,
    responseBytes: streams ? random.below(large) : answer === 'reply' ? random.below(200) : 0,
    workMs: random.below(4) === 0 ? 0 : random.below(profile.workMs),
    cancelAfterMs: happens(random, profile.cancel) ? random.below(2 * profile.workMs + 10) : -1,
    slowReader: happens(random, profile.slowReader),
    informs: streamed > 0 && random.below(20) === 0 ? 1 : 0,
  };
}

/** The world, as an invocation's client sees it. */
export interface TrialWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly maxDurationMs: number;
  /** An invariant does not hold. */
  violated(what: string): void;
  settled(trial: Trial): void;
  /** No tunnel has ended lately in a way that leaves open what of it had begun. */
  provesEverything(): boolean;
  /** Some instance's loop was stuck lately. */
  hasStalled(): boolean;
}

/** One invocation: its client, and everything that is checked about it. */
export class Trial implements Exchange {
  readonly number: number;
  readonly script: Script;
  readonly #world: TrialWorld;
  #invocation: Invocation | null = null;
  /** open: no terminal yet. Then its outcome: `reply`, `end`, `cancelled`, or the code it failed with. */
  outcome = 'open';
  invokedMs = 0;
  /** How often it was handed to user code, and where. */
  runs = 0;
  ranOn = '';
  /** The function answered so far: bytes put on the tunnel, and whether that is all. */
  functionSent = 0;
  /** Everything that the function had to say was put on the tunnel. */
  functionEnded = false;
  functionFailed = false;
  /** The instance that has it: request bytes that arrived there. */
  arrived = 0;
  #received = 0;
  /** Of that, what the client has taken: not the piece after which it said that it is slow. */
  #taken = 0;
  #written = 0;
  #blocked = false;
  /** The client has nothing to say for a moment. */
  #resting = false;
  #bodyEnded = false;
  #paused = false;
  #headSeen = false;

  constructor(number: number, script: Script, world: TrialWorld) {
    this.number = number;
    this.script = script;
    this.#world = world;
  }

  get request(): RequestHead {
    const { requestBytes, answer } = this.script;
    const upgrade = answer === 'upgrade';
    return {
      id: `inv_${this.number}`,
      method: requestBytes > 0 && !upgrade ? 'POST' : 'GET',
      target: `/${this.number}`,
      headers: commonHeaders,
      hasBody: requestBytes > 0 && !upgrade,
      upgrade,
      route: '/x',
    };
  }

  begin(invocation: Invocation): void {
    this.#invocation = invocation;
    this.invokedMs = this.#world.clock.nowMs();
    const { cancelAfterMs } = this.script;
    if (cancelAfterMs >= 0) this.#world.clock.after(cancelAfterMs, () => this.#cancel());
    if (this.script.requestBytes > 0 && this.script.answer !== 'upgrade') this.#write();
  }

  // — what the instance reports —

  /** It is handed to user code. */
  ran(instance: string): void {
    this.runs += 1;
    if (this.runs > 1) this.violated('I2/I3', `ran on ${this.ranOn} and again on ${instance}`);
    this.ranOn = instance;
  }

  functionSends(bytes: number): void {
    this.functionSent += bytes;
    const held = this.functionSent - this.#taken;
    if (held > limits.windowBytes) this.violated('I4', `${held} bytes of its answer are on the way or held`);
  }

  requestChunk(chunk: Buffer): void {
    if (!isBody(chunk, this.number, this.arrived)) this.violated('I4', `request bytes are wrong at ${this.arrived}`);
    this.arrived += chunk.length;
  }

  // — Exchange —

  inform(): void {
    this.#open('inform');
    if (this.#headSeen) this.violated('I4', 'inform after head');
  }

  reply(status: number, _headers: readonly string[], body: Buffer | null): boolean {
    this.#open('reply');
    if (this.#headSeen || status !== 200 || !this.functionEnded)
      this.violated('I1', `a reply with ${status} that nobody gave`);
    if ((body?.length ?? 0) !== this.script.responseBytes || (body !== null && !isBody(body, this.number, 0))) {
      this.violated('I4', 'the reply’s body is wrong');
    }
    this.#settle('reply');
    return true;
  }

  head(status: number): void {
    this.#open('head');
    if (this.#headSeen) this.violated('I4', 'a second head');
    this.#headSeen = true;
    if (status === 101) this.#write();
  }

  body(chunk: Buffer): boolean {
    this.#open('body');
    if (!this.#headSeen) this.violated('I4', 'body before head');
    if (this.#paused) this.violated('I4', 'body while the client is slow');
    if (!isBody(chunk, this.number, this.#received)) this.violated('I4', `answer bytes are wrong at ${this.#received}`);
    const from = this.#received;
    this.#received += chunk.length;
    if (!this.script.slowReader || this.#world.random.below(3) > 0) {
      this.#taken = this.#received;
      return true;
    }
    this.#paused = true;
    this.#world.clock.after(this.#world.random.below(30), () => {
      if (!isBody(chunk, this.number, from)) this.violated('I4', 'bytes that a slow client waits for were overwritten');
      this.#paused = false;
      this.#taken = this.#received;
      // Also when it has settled meanwhile: then it does nothing.
      this.#invocation!.resume();
    });
    return false;
  }

  end(): void {
    this.#open('end');
    if (!this.functionEnded || this.#received !== this.functionSent || this.#received !== this.script.responseBytes) {
      this.violated('I4', `ended with ${this.#received} of ${this.script.responseBytes} bytes`);
    }
    this.#settle('end');
  }

  fail({ code, detail }: Failure): void {
    this.#open(`fail ${code}`);
    if (neverRan.has(code) && this.runs > 0) this.violated('I1', `${code} (${detail}), but it ran on ${this.ranOn}`);
    if (code === 'FUNCTION_INVOCATION_FAILED' && !this.functionFailed) this.violated('I1', `${code} that nobody gave`);
    if (code === 'NO_RESPONSE_FROM_FUNCTION' && this.runs === 0 && this.#world.provesEverything()) {
      this.violated('I2', `${code} (${detail}), though it is proven that it never ran`);
    }
    if (
      code === 'FUNCTION_INVOCATION_TIMEOUT' &&
      this.#world.clock.nowMs() - this.invokedMs < this.#world.maxDurationMs
    ) {
      this.violated('I1', `${code} before its time`);
    }
    if (code === 'FUNCTION_INVOCATION_TIMEOUT' && this.script.answer !== 'hang' && !this.#world.hasStalled()) {
      this.violated('I1', `${code}, though its function does not hang`);
    }
    if (code === 'INTERNAL_UNEXPECTED_ERROR') this.violated('I1', detail);
    this.#settle(code);
  }

  drained(): void {
    this.#open('drained');
    if (!this.#blocked) this.violated('I4', 'drained, but nobody waits');
    this.#blocked = false;
    this.#write();
  }

  violated(invariant: string, what: string): void {
    this.#world.violated(`${invariant}: invocation ${this.number} (${this.script.answer}): ${what}`);
  }

  #open(call: string): void {
    if (this.outcome !== 'open') this.violated('I1', `${call} after ${this.outcome}`);
  }

  #settle(outcome: string): void {
    this.outcome = outcome;
    this.#world.settled(this);
  }

  #cancel(): void {
    if (this.outcome === 'open') this.#settle('cancelled');
    // Also when it has settled already: then it does nothing.
    this.#invocation!.cancel();
  }

  /** Writes until it is told to wait, now and then only after a while. */
  #write(): void {
    const { random, clock } = this.#world;
    const { requestBytes } = this.script;
    while (this.outcome === 'open' && !this.#blocked && !this.#resting) {
      if (this.#written === requestBytes) {
        if (!this.#bodyEnded) this.#invocation!.endBody();
        this.#bodyEnded = true;
        return;
      }
      const length = Math.min(requestBytes - this.#written, 1 + random.below(largestChunk));
      const chunk = bodyBytes(this.number, this.#written, length);
      this.#written += length;
      this.#blocked = !this.#invocation!.write(chunk);
      const held = this.#written - this.arrived;
      if (held > 2 * limits.windowBytes + limits.unplacedBodyBytes + largestChunk) {
        this.violated('I4', `${held} bytes of its request are on the way or held`);
      }
      if (!this.#blocked && random.below(8) === 0) {
        this.#resting = true;
        clock.after(random.below(5), () => {
          this.#resting = false;
          this.#write();
        });
        return;
      }
    }
  }
}

const largestChunk = 70_000;

const neverRan: ReadonlySet<string> = new Set([
  'FUNCTION_THROTTLED',
  'INTERNAL_FUNCTION_NOT_READY',
  'FUNCTION_LOAD_FAILED',
]);

/** As a browser sends them, and the edge adds. */
const commonHeaders: readonly string[] = [
  'host',
  'hello.localhost:3000',
  'user-agent',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  'accept',
  'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'accept-encoding',
  'gzip, deflate, br',
  'accept-language',
  'en-GB,en;q=0.5',
  'x-forwarded-for',
  '203.0.113.7',
  'x-forwarded-proto',
  'http',
  'x-forwarded-host',
  'hello.localhost:3000',
];
