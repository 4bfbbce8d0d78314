import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryConnections, type MemoryConnection } from '../../test/sim/memory-connection.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { limits } from '../base/limits.ts';
import { FrameType } from '../tunnel/frame.ts';
import { Inbox, type Message, writeMessage } from '../tunnel/message.ts';
import { acceptSession, openSession, type Session, type SessionEnd } from '../tunnel/session.ts';
import { AskFailed, Asks } from './asks.ts';
import type { StreamCall } from './stream.ts';

const none = Buffer.alloc(0);
const ignore = (): void => undefined;

/** An instance that asks, and a router that writes down what it is asked. */
class Stand {
  readonly clock = new VirtualClock();
  readonly asked: Message[] = [];
  readonly ends: SessionEnd[] = [];
  /** Whose time it is from then on, and what was called in a callback of its own. */
  readonly entered: (StreamCall | null)[] = [];
  readonly later: (() => void)[] = [];
  readonly near: MemoryConnection;
  asks!: Asks;
  router!: Session;

  constructor() {
    const { clock } = this;
    const { near, far } = memoryConnections({ clock });
    this.near = near;
    const inbox = new Inbox();
    acceptSession(far, {
      clock,
      admit: (_, session) => {
        this.router = session;
        return {
          kind: 'welcome',
          welcome: { instance: 'ins_1', maxStreams: 8, windowBytes: 1000, services: true },
          events: {
            opened: ignore,
            drained: ignore,
            body: ignore,
            closed: ignore,
            frame: (_type, _stream, payload) => {
              const message = inbox.take(payload, ignore);
              if (message !== null) this.asked.push(message);
            },
          },
        };
      },
      refused: ignore,
    });
    openSession(near, {
      clock,
      hello: { token: 't', role: 'data', pid: 1, runtime: 'r' },
      events: {
        opened: (session) => void (this.asks = this.#made(session)),
        drained: ignore,
        body: ignore,
        closed: (end) => {
          this.ends.push(end);
          this.asks.close();
        },
        frame: (_, __, payload) => this.asks.frame(payload),
        readDone: () => this.asks.readDone(),
      },
    });
    clock.settle();
  }

  #made(session: Session): Asks {
    return new Asks({
      session,
      clock: this.clock,
      written: () => void session.writer.flush(),
      enter: (call) => this.entered.push(call),
      later: (_, go) => this.later.push(go),
    });
  }

  /** Writes an answer, which leaves with `flush`. */
  answer(number: number, fields: object = { ok: true }, body: Buffer = none): void {
    writeMessage(this.router.writer, FrameType.ANSWER, { number, json: JSON.stringify(fields), body });
  }

  flush(): void {
    this.router.writer.flush();
    this.clock.settle();
  }
}

const failed =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof AskFailed && error.code === code;

test('an ask and its answer, whatever the order of answers', async () => {
  const stand = new Stand();
  const body = Buffer.alloc(limits.askFrameBytes + 10, 'b');
  const first = stand.asks.ask('{"n":1}', body, null);
  const second = stand.asks.ask('{"n":2}', null, null);
  stand.clock.settle();
  assert.deepEqual(
    stand.asked.map(({ fields }) => fields),
    [{ n: 1 }, { n: 2 }],
  );
  assert.ok(stand.asked[0]!.body.equals(body));
  stand.answer(stand.asked[1]!.number, { ok: true, second: true });
  stand.answer(stand.asked[0]!.number, { ok: true }, body);
  stand.flush();
  assert.deepEqual((await second).fields, { ok: true, second: true });
  stand.later.forEach((go) => go());
  assert.ok((await first).body.equals(body));
});

test('code that goes on is told apart: the first answer of a read in this callback, the others in their own', async () => {
  const stand = new Stand();
  const call = {} as StreamCall;
  const first = stand.asks.ask('{}', null, call);
  const second = stand.asks.ask('{}', null, null);
  stand.clock.settle();
  for (const { number } of stand.asked) stand.answer(number);
  stand.flush();
  assert.deepEqual(stand.entered, [call]);
  assert.equal(stand.later.length, 1);
  await first;
  const early = Symbol('early');
  assert.equal(await Promise.race([second, Promise.resolve(early)]), early);
  stand.later[0]!();
  await second;
});

test('an answer that says no rejects with its code', async () => {
  const stand = new Stand();
  const asked = stand.asks.ask('{}', null, null);
  const strange = stand.asks.ask('{}', null, null);
  stand.clock.settle();
  stand.answer(stand.asked[0]!.number, { ok: false, code: 'BAD_ASK', message: 'do: not known' });
  stand.answer(stand.asked[1]!.number, { ok: 'yes' });
  stand.flush();
  stand.later.forEach((go) => go());
  await assert.rejects(asked, (error) => failed('BAD_ASK')(error) && (error as Error).message === 'do: not known');
  await assert.rejects(strange, failed('FAILED'));
});

test('a router that does not answer: the ask fails in time, counts until it is answered, and a late answer is no harm', async () => {
  const stand = new Stand();
  const asked = Array.from({ length: limits.asksUnanswered + 2 }, () => stand.asks.ask('{}', null, null));
  const rejected = Promise.all(asked.map((each) => assert.rejects(each, failed('TIMEOUT'))));
  stand.clock.settle();
  assert.equal(stand.asked.length, limits.asksUnanswered);
  stand.clock.advance(limits.askTimeoutMs);
  await rejected;
  const next = stand.asks.ask('{"next":true}', null, null);
  stand.clock.settle();
  assert.equal(stand.asked.length, limits.asksUnanswered, 'there is no room yet');
  stand.answer(stand.asked[0]!.number);
  stand.flush();
  assert.deepEqual(stand.asked.at(-1)!.fields, { next: true }, 'those that are over are not sent any more');
  stand.answer(stand.asked.at(-1)!.number);
  stand.flush();
  await next;
});

test('bodies together have a limit; what waits has one; what is too large is not sent', async () => {
  const stand = new Stand();
  const large = Buffer.alloc(limits.askBodyBytes);
  const fitting = limits.asksUnansweredBytes / large.length;
  const asked = Array.from({ length: fitting + 1 }, () => stand.asks.ask('{}', large, null));
  stand.clock.settle();
  assert.equal(stand.asked.length, fitting);
  stand.answer(stand.asked[0]!.number);
  stand.flush();
  assert.equal(stand.asked.length, fitting + 1);
  await asked[0];
  await assert.rejects(stand.asks.ask('{}', Buffer.alloc(limits.askBodyBytes + 1), null), failed('TOO_LARGE'));
  const text = JSON.stringify({ text: 'x'.repeat(limits.askJsonBytes) });
  await assert.rejects(stand.asks.ask(text, null, null), failed('TOO_LARGE'));

  const full = new Stand();
  const most = limits.asksUnanswered + limits.asksWaiting;
  const all = Array.from({ length: most }, () => full.asks.ask('{}', null, null));
  await assert.rejects(full.asks.ask('{}', null, null), failed('OVERLOADED'));
  full.asks.close();
  for (const each of [...all, ...asked.slice(1)]) each.catch(ignore);
  stand.asks.close();
});

test('when the tunnel ends, whoever waits is told, and nothing more is asked', async () => {
  const stand = new Stand();
  const asked = Array.from({ length: limits.asksUnanswered + 1 }, () => stand.asks.ask('{}', null, null));
  const rejected = Promise.all(asked.map((each) => assert.rejects(each, failed('CLOSED'))));
  stand.clock.settle();
  stand.near.cut();
  stand.clock.settle();
  await rejected;
  await assert.rejects(stand.asks.ask('{}', null, null), failed('CLOSED'));
});

test('an answer to what was not asked, or twice, ends the session', async () => {
  for (const number of [1, 99]) {
    const stand = new Stand();
    const asked = stand.asks.ask('{}', null, null);
    stand.clock.settle();
    stand.answer(stand.asked[0]!.number);
    stand.flush();
    await asked;
    stand.answer(number);
    stand.flush();
    assert.equal(stand.ends[0]?.code, 'BAD_FRAME');
  }
});
