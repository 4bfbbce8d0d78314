// For tests: frames as data, in the words of protocol/vectors.
import { noVitals, type NackReason, vitalFields, type Vitals } from '../model/vitals.ts';
import { type FrameName, FrameType, type Side } from './frame.ts';
import {
  type Hello,
  type Load,
  type Loaded,
  readHello,
  readLoad,
  readLoaded,
  readWelcome,
  type Welcome,
} from './greeting.ts';
import { headersText, headText } from './head.ts';
import { type MessagePart, readFields, readMetric, readPart } from './message.ts';
import {
  type BeginsMode,
  type CancelReason,
  type LogLevel,
  type LogSource,
  readBackground,
  readBegins,
  readBodyEnd,
  readCancel,
  readCredit,
  readDrain,
  readFailed,
  readGoodbye,
  readInform,
  readLog,
  readNack,
  readNothing,
  readRequest,
  readResponse,
  readVitals,
} from './payload.ts';
import type { FrameWriter } from './writer.ts';

export type Meaning = Readonly<Record<string, unknown>>;

export interface MeantFrame {
  readonly type: FrameName;
  readonly stream: number;
  readonly meaning: Meaning;
}

const allVitals = (some: unknown): Vitals => ({ ...noVitals, ...(some as Partial<Vitals>) });
const hex = (text: unknown): Buffer => Buffer.from(text as string, 'hex');

/** Writes the frame that `frame` describes. */
export function encode(writer: FrameWriter, { type, stream, meaning: m }: MeantFrame): void {
  const number = (field: string): number => m[field] as number;
  const text = (field: string): string => m[field] as string;
  const headers = (m['headers'] ?? []) as string[];
  const ways: Readonly<Record<FrameName, () => void>> = {
    HELLO: () => writer.hello(m as unknown as Hello),
    WELCOME: () => writer.welcome(m as unknown as Welcome),
    PING: () => writer.ping(hex(m['opaque'])),
    PONG: () => writer.pong(hex(m['opaque'])),
    VITALS: () => writer.vitals(number('sequence'), allVitals(m['previous']), allVitals(m['vitals'])),
    LOG: () => writer.log(stream, text('level') as LogLevel, text('source') as LogSource, text('text')),
    BACKGROUND: () => writer.background(number('outstanding')),
    DRAIN: () => writer.drain(number('leftMs'), text('reason')),
    GOODBYE: () => writer.goodbye(text('code'), text('detail')),
    LOAD: () => writer.load(m as unknown as Load),
    LOADED: () => writer.loaded(m as unknown as Loaded),
    BEGINS: () => writer.begins(text('mode') as BeginsMode),
    METRIC: () => writer.metric(number('value'), JSON.stringify({ name: m['name'], attributes: m['attributes'] })),
    ASK: () => writer.part(FrameType.ASK, partOf(m)),
    ANSWER: () => writer.part(FrameType.ANSWER, partOf(m)),
    REQUEST: () =>
      writer.request(
        stream,
        number('flags'),
        number('leftMs'),
        headText(text('id'), text('method'), text('target'), headers),
      ),
    BODY: () => writer.body(stream, hex(m['bytes'])),
    BODY_END: () => writer.bodyEnd(stream, m['cpuUs'] as number | undefined),
    CANCEL: () => writer.cancel(stream, text('reason') as CancelReason),
    BEGUN: () => writer.begun(stream),
    RESPONSE: () =>
      writer.response(stream, {
        complete: m['complete'] as boolean,
        status: number('status'),
        cpuUs: number('cpuUs'),
        head: headersText(headers),
        body: m['body'] === null ? null : hex(m['body']),
      }),
    INFORM: () => writer.inform(stream, number('status'), headersText(headers)),
    FAILED: () => writer.failed(stream, text('code'), text('detail'), number('cpuUs')),
    NACK: () => writer.nack(stream, text('reason') as NackReason),
    CREDIT: () => writer.credit(stream, number('bytes')),
    RECALL: () => writer.recall(stream),
  };
  ways[type]();
}

function partOf(m: Meaning): MessagePart {
  const begin = m['begin'] as { fields: unknown; bodyBytes: number } | null;
  return {
    number: m['number'] as number,
    begin: begin === null ? null : { json: JSON.stringify(begin.fields), bodyBytes: begin.bodyBytes },
    ends: m['ends'] as boolean,
    bytes: hex(m['bytes']),
  };
}

function meaningOfPart(payload: Buffer): Meaning {
  const { begin, bytes, ...rest } = readPart(payload);
  const begun = begin === null ? null : { fields: readFields(begin.json), bodyBytes: begin.bodyBytes };
  return { ...rest, begin: begun, bytes: Buffer.from(bytes).toString('hex') };
}

/** What a payload means. `known.previous`: the vitals before, for VITALS. Throws ProtocolError. */
export function decode(type: number, payload: Buffer, from: Side, known: Meaning): Meaning {
  switch (type) {
    case FrameType.HELLO:
      return { ...readHello(payload) };
    case FrameType.WELCOME:
      return { ...readWelcome(payload) };
    case FrameType.PING:
    case FrameType.PONG:
      return { opaque: payload.toString('hex') };
    case FrameType.VITALS: {
      const { sequence, vitals } = readVitals(payload, allVitals(known['previous']));
      const named = vitalFields.filter((field) => vitals[field] !== 0 || field in ((known['vitals'] ?? {}) as Meaning));
      return { sequence, previous: known['previous'], vitals: Object.fromEntries(named.map((f) => [f, vitals[f]])) };
    }
    case FrameType.LOG:
      return { ...readLog(payload) };
    case FrameType.BACKGROUND:
      return { outstanding: readBackground(payload) };
    case FrameType.DRAIN:
      return { ...readDrain(payload) };
    case FrameType.GOODBYE:
      return { ...readGoodbye(payload) };
    case FrameType.LOAD: {
      const load = readLoad(payload);
      return { ...load, environment: { ...load.environment } };
    }
    case FrameType.LOADED:
      return { ...readLoaded(payload) };
    case FrameType.BEGINS:
      return { mode: readBegins(payload) };
    case FrameType.METRIC:
      return { ...readMetric(payload) };
    case FrameType.ASK:
    case FrameType.ANSWER:
      return meaningOfPart(payload);
    default:
      return decodeOfStream(type, payload, from);
  }
}

function decodeOfStream(type: number, payload: Buffer, from: Side): Meaning {
  switch (type) {
    case FrameType.REQUEST:
      return { ...readRequest(payload) };
    case FrameType.CANCEL:
      return { reason: readCancel(payload) };
    case FrameType.RESPONSE: {
      const { flags, status, cpuUs, headers, body } = readResponse(payload);
      return { complete: flags === 1, status, cpuUs, headers, body: body?.toString('hex') ?? null };
    }
    case FrameType.INFORM:
      return { ...readInform(payload) };
    case FrameType.FAILED:
      return { ...readFailed(payload) };
    case FrameType.NACK:
      return { reason: readNack(payload) };
    case FrameType.CREDIT:
      return { bytes: readCredit(payload) };
    case FrameType.BODY_END:
      if (from === 'instance') return { cpuUs: readBodyEnd(payload) };
      readNothing(payload);
      return {};
    default:
      readNothing(payload);
      return {};
  }
}
