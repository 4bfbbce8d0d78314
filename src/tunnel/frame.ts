// Hot path: the tables every frame is looked up in.

/** protocol/tunnel.md, Types. */
export const FrameType = {
  HELLO: 0x01,
  WELCOME: 0x02,
  PING: 0x03,
  PONG: 0x04,
  VITALS: 0x05,
  LOG: 0x06,
  BACKGROUND: 0x07,
  DRAIN: 0x08,
  GOODBYE: 0x09,
  LOAD: 0x0a,
  LOADED: 0x0b,
  BEGINS: 0x0c,
  METRIC: 0x0d,
  ASK: 0x0e,
  ANSWER: 0x0f,
  REQUEST: 0x20,
  BODY: 0x21,
  BODY_END: 0x22,
  CANCEL: 0x23,
  BEGUN: 0x24,
  RESPONSE: 0x25,
  INFORM: 0x26,
  FAILED: 0x27,
  NACK: 0x28,
  CREDIT: 0x29,
  RECALL: 0x2a,
} as const;
export type FrameName = keyof typeof FrameType;

/** Payload length, type, stream. */
export const frameHeaderBytes = 8;
export const protocolVersion = 1;

export type Side = 'instance' | 'router';
export type Role = 'data' | 'control';

export interface FrameRule {
  readonly from: Side | 'both';
  /** On which connections: data, control, either. */
  readonly on: 'd' | 'c' | 'dc';
  /** session: the stream is 0. stream: it is not. either: LOG. */
  readonly scope: 'session' | 'stream' | 'either';
}

/** Who may send what where. Held against the table in protocol/tunnel.md by a test. */
export const frameRules: Readonly<Record<FrameName, FrameRule>> = {
  HELLO: { from: 'instance', on: 'dc', scope: 'session' },
  WELCOME: { from: 'router', on: 'dc', scope: 'session' },
  PING: { from: 'both', on: 'dc', scope: 'session' },
  PONG: { from: 'both', on: 'dc', scope: 'session' },
  VITALS: { from: 'instance', on: 'dc', scope: 'session' },
  LOG: { from: 'instance', on: 'dc', scope: 'either' },
  BACKGROUND: { from: 'instance', on: 'd', scope: 'session' },
  DRAIN: { from: 'both', on: 'dc', scope: 'session' },
  GOODBYE: { from: 'both', on: 'dc', scope: 'session' },
  LOAD: { from: 'router', on: 'd', scope: 'session' },
  LOADED: { from: 'instance', on: 'd', scope: 'session' },
  BEGINS: { from: 'instance', on: 'd', scope: 'session' },
  METRIC: { from: 'instance', on: 'd', scope: 'session' },
  ASK: { from: 'instance', on: 'd', scope: 'session' },
  ANSWER: { from: 'router', on: 'd', scope: 'session' },
  REQUEST: { from: 'router', on: 'd', scope: 'stream' },
  BODY: { from: 'both', on: 'd', scope: 'stream' },
  BODY_END: { from: 'both', on: 'd', scope: 'stream' },
  CANCEL: { from: 'router', on: 'd', scope: 'stream' },
  BEGUN: { from: 'instance', on: 'dc', scope: 'stream' },
  RESPONSE: { from: 'instance', on: 'd', scope: 'stream' },
  INFORM: { from: 'instance', on: 'd', scope: 'stream' },
  FAILED: { from: 'instance', on: 'd', scope: 'stream' },
  NACK: { from: 'instance', on: 'dc', scope: 'stream' },
  CREDIT: { from: 'both', on: 'd', scope: 'stream' },
  RECALL: { from: 'router', on: 'dc', scope: 'stream' },
};

const names: (FrameName | undefined)[] = [];
for (const [name, type] of Object.entries(FrameType)) names[type] = name as FrameName;

/** Undefined: a type this version does not know; the frame is skipped by its length. */
export const frameName = (type: number): FrameName | undefined => names[type];

/** 1 for the types this version knows. */
export const knownTypes: Uint8Array = new Uint8Array(256);
for (const type of Object.values(FrameType)) knownTypes[type] = 1;

/** What a FrameReader hands on. A ProtocolError that a method throws ends the session. */
export interface FrameHandler {
  /** A complete frame other than BODY. `payload` is a view, valid during the call: copy what you keep. */
  frame(type: number, stream: number, payload: Buffer): void;
  /** A piece of a BODY frame, handed on as it arrives; never empty. A view of the read chunk, valid as long as that is. */
  body(stream: number, chunk: Buffer): void;
}

/** In a table of scopes: the frame may be about the session, about a stream. 0: it may not come at all. */
export const sessionScope = 1;
export const streamScope = 2;

/** By type: what `from` may send on a connection of this role once it is open. HELLO and WELCOME may not come again. */
export function scopesOf(from: Side, role: Role): Uint8Array {
  const scopes = new Uint8Array(256);
  const on = role === 'data' ? 'd' : 'c';
  for (const [name, rule] of Object.entries(frameRules)) {
    if (rule.from !== 'both' && rule.from !== from) continue;
    if (!rule.on.includes(on) || name === 'HELLO' || name === 'WELCOME') continue;
    const session = rule.scope === 'stream' ? 0 : sessionScope;
    const stream = rule.scope === 'session' ? 0 : streamScope;
    scopes[FrameType[name as FrameName]] = session | stream;
  }
  return scopes;
}
