import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { memoryConnections } from '../../test/sim/memory-connection.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { noVitals } from '../model/vitals.ts';
import { decode, encode, type Meaning } from './codec.fixture.ts';
import { ReceiveCredit } from './flow.ts';
import { frameRules, FrameType, type FrameName, type Role, type Side } from './frame.ts';
import { readWelcome } from './greeting.ts';
import { FrameReader } from './reader.ts';
import { acceptSession, openSession, type SessionEvents } from './session.ts';
import { FrameWriter } from './writer.ts';

interface Valid {
  readonly name: string;
  readonly from: Side;
  readonly on: Role;
  readonly type: FrameName;
  readonly stream: number;
  readonly meaning: Meaning;
  readonly hex: string;
}
interface Invalid {
  readonly code: string;
  readonly name: string;
  readonly to: Side;
  readonly on: Role;
  readonly when: 'greeting' | 'open';
  readonly hex: string;
}
interface Vectors {
  readonly session: { token: string; instance: string; maxStreams: number; windowBytes: number };
  readonly valid: readonly Valid[];
  readonly invalid: readonly Invalid[];
  readonly skipped: readonly { readonly name: string; readonly hex: string }[];
}

const specification = readFileSync(new URL('../../protocol/tunnel.md', import.meta.url), 'utf8');
const vectors = JSON.parse(
  readFileSync(new URL('../../protocol/vectors/tunnel.json', import.meta.url), 'utf8'),
) as Vectors;
const { instance, maxStreams, windowBytes, token } = vectors.session;

test('the table of types in protocol/tunnel.md is the one in the code', () => {
  const rows = [...specification.matchAll(/^\| ([0-9a-f]{2}) \| (\w+) \| (\w+) \| (d|c|dc) \|/gm)];
  const described = rows.map(([, hex, name, from, on]) => ({ name, type: Number.parseInt(hex!, 16), from, on }));
  const implemented = Object.entries(FrameType).map(([name, type]) => {
    const { from, on } = frameRules[name as FrameName];
    return { name, type, from, on };
  });
  assert.deepEqual(described, implemented);
});

test('every type, from every side that may send it, has a valid vector', () => {
  for (const [name, rule] of Object.entries(frameRules)) {
    for (const side of rule.from === 'both' ? (['router', 'instance'] as const) : [rule.from]) {
      assert.ok(
        vectors.valid.some((vector) => vector.type === name && vector.from === side),
        `${name} from the ${side}`,
      );
    }
  }
});

suite('valid: encoding gives the hex, decoding the meaning', () => {
  for (const { name, from, type, stream, meaning, hex } of vectors.valid) {
    test(name, () => {
      const { near, far } = memoryConnections({ clock: new VirtualClock() });
      const writer = new FrameWriter(near);
      const sent: string[] = [];
      near.write = (bytes) => sent.push(bytes.toString('hex')) > 0;
      encode(writer, { type, stream, meaning });
      writer.flush();
      assert.equal(sent.join(''), hex);

      const received: unknown[] = [];
      const reader = new FrameReader({
        frame: (code, id, payload) => received.push([code, id, decode(code, payload, from, meaning)]),
        body: (id, chunk) => received.push([FrameType.BODY, id, { bytes: chunk.toString('hex') }]),
      });
      reader.push(Buffer.from(hex, 'hex'));
      assert.deepEqual(received, [[FrameType[type], stream, meaning]]);
      far.destroy();
    });
  }
});

test('skipped: passed over, whole or byte by byte', () => {
  const begun = Buffer.from('0000002400010000', 'hex');
  for (const { name, hex } of vectors.skipped) {
    const bytes = Buffer.concat([Buffer.from(hex, 'hex'), begun]);
    for (const step of [1, bytes.length]) {
      const received: number[] = [];
      const reader = new FrameReader({ frame: (type) => received.push(type), body: () => assert.fail(name) });
      for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
      assert.deepEqual(received, [FrameType.BEGUN], name);
    }
  }
});

suite('invalid: answered with GOODBYE and the code', () => {
  for (const vector of vectors.invalid) {
    test(`${vector.code}: ${vector.name}`, () => assert.deepEqual(answerTo(vector), vector.code));
  }
});

/** Sends the vector to a session of ours. Returns the code of its GOODBYE, and checks that it closed with the same. */
function answerTo(vector: Invalid): string | null {
  const clock = new VirtualClock();
  const { near: ours, far: theirs } = memoryConnections({ clock });
  let said: string | null = null;
  let ended: string | null = null;
  const goodbyes = new FrameReader({
    frame: (type, _, payload) => {
      if (type === FrameType.GOODBYE) said = payload.toString('latin1').split('\n')[0] ?? '';
      if (type === FrameType.WELCOME) readWelcome(payload);
    },
    body: () => undefined,
  });
  theirs.events = { data: (chunk) => goodbyes.push(chunk), drained: () => undefined, closed: () => undefined };
  const events = decodingEvents(vector.to, (code) => (ended = code));
  const hello = { token, role: vector.on, pid: 1, runtime: 'r' };
  const writer = new FrameWriter(theirs);
  if (vector.to === 'instance') {
    openSession(ours, { clock, hello, events });
    if (vector.when === 'open') writer.welcome({ version: 1, instance, maxStreams, windowBytes });
  } else {
    acceptSession(ours, {
      clock,
      admit: (hello) =>
        hello.token === token
          ? { kind: 'welcome', welcome: { instance, maxStreams, windowBytes }, events }
          : { kind: 'refuse', code: 'TOKEN', detail: 'unknown' },
      refused: (end) => (ended = end.code),
    });
    if (vector.when === 'open') writer.hello({ lowestVersion: 1, highestVersion: 1, ...hello });
  }
  writer.flush();
  clock.settle();
  theirs.write(Buffer.from(vector.hex, 'hex'));
  clock.settle();
  assert.equal(ended, said);
  return said;
}

/** An owner that decodes everything, and counts body bytes against its window. */
function decodingEvents(side: Side, closed: (code: string) => void): SessionEvents {
  const credit = new ReceiveCredit(windowBytes);
  return {
    opened: () => undefined,
    drained: () => undefined,
    frame: (type, _, payload) => {
      decode(type, payload, side === 'router' ? 'instance' : 'router', { previous: noVitals });
    },
    body: (_, chunk) => credit.receive(chunk.length),
    closed: (end) => closed(end.code),
  };
}
