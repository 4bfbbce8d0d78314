// Hot path, where traces are asked for: W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/). Pure.
import type { TraceContext } from '../model/telemetry.ts';

/** What a client says of the span that asks. */
export interface Parent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Whether the trace that begins with a request is kept; `parent`: what its client has decided, null: it says nothing. */
export interface Traces {
  sample(traceIdHex: string, parent: boolean | null): boolean;
}

const form = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/;
const length = 55;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** Null: it is to be ignored, and tracestate with it (3.2.2, 4.3). Of versions to come what is known is read. */
export function parseTraceparent(value: string): Parent | null {
  if (value.length < length || !form.test(value) || value.startsWith('ff')) return null;
  if (value.length > length && (value.startsWith('00') || value.charCodeAt(length) !== 0x2d)) return null;
  const traceId = value.slice(3, 35);
  const spanId = value.slice(36, 52);
  if (traceId === noTrace || spanId === noSpan) return null;
  return { traceId, spanId, sampled: (Number.parseInt(value.slice(53, 55), 16) & 1) === 1 };
}

export const formatTraceparent = ({ traceId, spanId, sampled }: Parent): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

/** The one field of this lower-case name; null: there is none, or more than one. */
function only(headers: readonly string[], name: string): string | null {
  let found: string | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    const field = headers[at]!;
    if (field.length !== name.length || field.toLowerCase() !== name) continue;
    if (found !== null) return null;
    found = headers[at + 1]!;
  }
  return found;
}

/** Of a client's request: its own trace is gone on with, or one begins. `randomHex`: so many random bytes. */
export function traceOf(
  headers: readonly string[],
  traces: Traces,
  randomHex: (bytes: number) => string,
): TraceContext {
  const value = only(headers, 'traceparent');
  const parent = value === null ? null : parseTraceparent(value);
  if (parent !== null) {
    const { traceId, spanId } = parent;
    return { traceId, spanId: noSpan, parentSpanId: spanId, sampled: traces.sample(traceId, parent.sampled) };
  }
  const traceId = randomHex(16);
  return { traceId, spanId: noSpan, parentSpanId: null, sampled: traces.sample(traceId, null) };
}

/** What the function gets: it asks others as a child of this span. Vendors' tracestate stays with the trace that it is of. */
export function withTrace(headers: readonly string[], trace: TraceContext): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (name === 'traceparent' || (name === 'tracestate' && trace.parentSpanId === null)) continue;
    kept.push(headers[at]!, headers[at + 1]!);
  }
  kept.push('traceparent', formatTraceparent(trace));
  return kept;
}
