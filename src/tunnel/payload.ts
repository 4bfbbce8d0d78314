// Hot path: readRequest, readResponse and readCredit. Typed views of payloads; all throw ProtocolError.
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { type NackReason, nackReasons, vitalFields, type Vitals } from '../model/vitals.ts';
import { readHead, readHeaders } from './head.ts';

export const requestFlags = { noBody: 1, upgrade: 2 } as const;
export const responseFlags = { complete: 1 } as const;
/** Wire order: protocol/tunnel.md, CANCEL, LOG, BEGINS. */
export const cancelReasons = ['client', 'timeout', 'unwanted'] as const;
export type CancelReason = (typeof cancelReasons)[number];
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export const logSources = ['platform', 'stdout', 'stderr'] as const;
export type LogSource = (typeof logSources)[number];
export const beginsModes = ['batched', 'prompt'] as const;
export type BeginsMode = (typeof beginsModes)[number];

export const requestFixedBytes = 5;
export const responseFixedBytes = 11;
export const failedFixedBytes = 4;
export const vitalsFixedBytes = 6;
export const vitalBytes = 6;

export interface Request {
  readonly flags: number;
  readonly leftMs: number;
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly headers: string[];
}

export function readRequest(payload: Buffer): Request {
  atLeast(payload, requestFixedBytes, 'REQUEST');
  const flags = payload[0] ?? 0;
  if (flags > 3) throw bad(`REQUEST with flags ${flags}`);
  const leftMs = payload.readUInt32BE(1);
  const { id, method, target, headers } = readHead(payload.toString('latin1', requestFixedBytes, payload.length));
  return { flags, leftMs, id, method, target, headers };
}

export interface Response {
  readonly flags: number;
  readonly status: number;
  readonly cpuUs: number;
  readonly headers: string[];
  /** A view, when the response is complete and has one. */
  readonly body: Buffer | null;
}

export function readResponse(payload: Buffer): Response {
  atLeast(payload, responseFixedBytes, 'RESPONSE');
  const flags = payload[0] ?? 0;
  const status = payload.readUInt16BE(1);
  const cpuUs = payload.readUInt32BE(3);
  const headEnd = responseFixedBytes + payload.readUInt32BE(7);
  const bodyBytes = payload.length - headEnd;
  if (flags > 1) throw bad(`RESPONSE with flags ${flags}`);
  const complete = flags === responseFlags.complete;
  if ((status < 200 && (status !== 101 || complete)) || status > 999) throw bad(`RESPONSE with status ${status}`);
  if (bodyBytes < 0) throw bad('RESPONSE with a head beyond its end');
  if (bodyBytes > (complete ? limits.chunkBytes : 0)) throw bad(`RESPONSE with ${bodyBytes} bytes of body`);
  const headers = readHeaders(payload.toString('latin1', responseFixedBytes, headEnd));
  return { flags, status, cpuUs, headers, body: bodyBytes > 0 ? payload.subarray(headEnd) : null };
}

export function readInform(payload: Buffer): { readonly status: number; readonly headers: string[] } {
  atLeast(payload, 2, 'INFORM');
  const status = payload.readUInt16BE(0);
  if (status < 100 || status > 199 || status === 101) throw bad(`INFORM with status ${status}`);
  return { status, headers: readHeaders(payload.toString('latin1', 2, payload.length)) };
}

/** CPU microseconds. From the instance; the router's is empty: readNothing. */
export const readBodyEnd = (payload: Buffer): number => readU32(payload, 'BODY_END');

/** BEGUN, RECALL and the router's BODY_END. */
export function readNothing(payload: Buffer): void {
  if (payload.length > 0) throw bad(`${payload.length} bytes where there is no payload`);
}

/** Bytes, not 0. */
export function readCredit(payload: Buffer): number {
  const bytes = readU32(payload, 'CREDIT');
  if (bytes === 0) throw bad('CREDIT of nothing');
  return bytes;
}

export const readCancel = (payload: Buffer): CancelReason => oneOf(payload, cancelReasons, 'CANCEL');
export const readNack = (payload: Buffer): NackReason => oneOf(payload, nackReasons, 'NACK');
export const readBegins = (payload: Buffer): BeginsMode => oneOf(payload, beginsModes, 'BEGINS');
export const readBackground = (payload: Buffer): number => readU32(payload, 'BACKGROUND');

/** A code (A–Z, 0–9, _) and what happened. GOODBYE; FAILED, with what the invocation cost. */
export interface Coded {
  readonly code: string;
  readonly detail: string;
}

export interface Failed extends Coded {
  readonly cpuUs: number;
}

export function readFailed(payload: Buffer): Failed {
  atLeast(payload, failedFixedBytes, 'FAILED');
  return { ...readCoded(payload.subarray(failedFixedBytes), 'FAILED'), cpuUs: payload.readUInt32BE(0) };
}

export const readGoodbye = (payload: Buffer): Coded => readCoded(payload, 'GOODBYE');

function readCoded(payload: Buffer, name: string): Coded {
  const end = payload.indexOf(10);
  const code = end === -1 ? '' : payload.toString('latin1', 0, end);
  if (!/^[A-Z0-9_]{1,64}$/.test(code)) throw bad(`${name} without a code`);
  return { code, detail: payload.toString('utf8', end + 1, end + 1 + limits.detailBytes) };
}

export function readVitals(payload: Buffer, previous: Vitals): { readonly sequence: number; readonly vitals: Vitals } {
  atLeast(payload, vitalsFixedBytes, 'VITALS');
  const mask = payload.readUInt16BE(4);
  if (mask >= 1 << vitalFields.length) throw bad(`VITALS with mask ${mask}`);
  const vitals: { -readonly [Field in keyof Vitals]: number } = { ...previous };
  let at = vitalsFixedBytes;
  // By numbers: several frames a second come from each instance, and an iterator would be most of their garbage.
  for (let bit = 0; bit < vitalFields.length; bit += 1) {
    if ((mask & (1 << bit)) === 0) continue;
    atLeast(payload, at + vitalBytes, 'VITALS');
    vitals[vitalFields[bit]!] = payload.readUIntBE(at, vitalBytes);
    at += vitalBytes;
  }
  if (at !== payload.length) throw bad('VITALS with bytes left over');
  return { sequence: payload.readUInt32BE(0), vitals };
}

export interface LogFrame {
  readonly level: LogLevel;
  readonly source: LogSource;
  readonly text: string;
}

export function readLog(payload: Buffer): LogFrame {
  atLeast(payload, 2, 'LOG');
  const level = logLevels[payload[0] ?? 0];
  const source = logSources[payload[1] ?? 0];
  if (level === undefined || source === undefined) throw bad(`LOG with level ${payload[0]}, source ${payload[1]}`);
  return { level, source, text: payload.toString('utf8', 2, 2 + limits.logLineBytes) };
}

export function readDrain(payload: Buffer): { readonly leftMs: number; readonly reason: string } {
  atLeast(payload, 4, 'DRAIN');
  return { leftMs: payload.readUInt32BE(0), reason: payload.toString('utf8', 4, 4 + limits.detailBytes) };
}

function readU32(payload: Buffer, name: string): number {
  if (payload.length !== 4) throw bad(`${name} of ${payload.length} bytes`);
  return payload.readUInt32BE(0);
}

function oneOf<T>(payload: Buffer, values: readonly T[], name: string): T {
  const value = values[payload[0] ?? -1];
  if (payload.length !== 1 || value === undefined) throw bad(`${name} that is none of ${values.join(', ')}`);
  return value;
}

function atLeast(payload: Buffer, bytes: number, name: string): void {
  if (payload.length < bytes) throw bad(`${name} of ${payload.length} bytes`);
}

const bad = (detail: string): ProtocolError => new ProtocolError('BAD_FRAME', detail);
