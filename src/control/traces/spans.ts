// Pure: an invocation as OpenTelemetry has it, in the JSON of OTLP.
import type { InvocationRecord, Phases, TraceContext } from '../../model/telemetry.ts';

interface Attribute {
  readonly key: string;
  readonly value:
    | { readonly stringValue: string }
    /** 64 bits: JSON has them as text. */
    | { readonly intValue: string }
    | { readonly boolValue: boolean };
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code: number; readonly message?: string };
}

const spanKind = { internal: 1, server: 2 } as const;
const failed = 2;
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);

type Value = string | number | boolean | null;

/** What is null is left out. */
export function attributesOf(values: Readonly<Record<string, Value>>): Attribute[] {
  const found: Attribute[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'string') found.push({ key, value: { stringValue: value } });
    else if (typeof value === 'number') found.push({ key, value: { intValue: String(Math.round(value)) } });
    else if (value !== null) found.push({ key, value: { boolValue: value } });
  }
  return found;
}

/** In each of these an invocation is from its stamp to the next one that it has. */
const states: readonly (readonly [string, keyof Phases | null])[] = [
  ['received', null],
  ['admitted', 'admittedUs'],
  ['matched', 'matchedUs'],
  ['cached', 'cachedUs'],
  ['resolved', 'resolvedUs'],
  ['queued', 'queuedUs'],
  ['placed', 'placedUs'],
  ['sent', 'sentUs'],
  ['begun', 'begunUs'],
  ['answered', 'answeredUs'],
];

/** One span of the server, and one for each state that it was in. */
export function spansOf(record: InvocationRecord, trace: TraceContext, region: string): Span[] {
  const { traceId, spanId, parentSpanId } = trace;
  const receivedUs = Math.round(record.receivedMs * 1_000);
  const timeOf = (us: number): string => `${receivedUs + us}000`;
  const { phases } = record;
  const status = statusOf(record);
  const spans: Span[] = [
    {
      traceId,
      spanId,
      ...(parentSpanId === null ? {} : { parentSpanId }),
      name: `${methods.has(record.method) ? record.method : 'HTTP'} ${record.route}`,
      kind: spanKind.server,
      startTimeUnixNano: timeOf(0),
      endTimeUnixNano: timeOf(phases.settledUs),
      attributes: attributesOf(valuesOf(record, region)),
      ...(status === null ? {} : { status }),
    },
  ];
  let endUs = phases.settledUs;
  for (let at = states.length - 1; at >= 0; at -= 1) {
    const [name, phase] = states[at]!;
    const startUs = phase === null ? 0 : phases[phase];
    if (startUs === null) continue;
    spans.push({
      traceId,
      spanId: childOf(spanId, at + 1),
      parentSpanId: spanId,
      name,
      kind: spanKind.internal,
      startTimeUnixNano: timeOf(startUs),
      endTimeUnixNano: timeOf(Math.max(startUs, endUs)),
      attributes: [],
    });
    endUs = startUs;
  }
  return spans;
}

/** Others than the parent's, whatever that is, and each other's. */
const childOf = (spanId: string, number: number): string =>
  spanId.slice(0, -2) + (Number.parseInt(spanId.slice(-2), 16) ^ number).toString(16).padStart(2, '0');

/** A client that has left is no failure of the server's. */
function statusOf({ outcome, status }: InvocationRecord): NonNullable<Span['status']> | null {
  if (outcome !== 'answered') return outcome === 'CLIENT_CLOSED_REQUEST' ? null : { code: failed, message: outcome };
  return status !== null && status >= 500 ? { code: failed } : null;
}

function errorType({ outcome, status }: InvocationRecord): string | null {
  if (outcome !== 'answered') return outcome;
  return status !== null && status >= 500 ? String(status) : null;
}

/** By the semantic conventions for HTTP servers, functions and clouds; what they do not have is under `weir`. */
function valuesOf(record: InvocationRecord, region: string): Record<string, Value> {
  const isKnown = methods.has(record.method);
  return {
    'http.request.method': isKnown ? record.method : '_OTHER',
    'http.request.method_original': isKnown ? null : record.method,
    'http.route': record.route,
    'http.response.status_code': record.status,
    'http.request.body.size': record.requestBytes,
    'http.response.body.size': record.responseBytes,
    'url.path': record.path,
    'server.address': record.host.replace(/:\d+$/, ''),
    'error.type': errorType(record),
    'faas.trigger': 'http',
    'faas.invocation_id': record.id,
    'faas.coldstart': record.start === null ? null : record.start === 'cold',
    'faas.name': record.label,
    'faas.version': record.deployment,
    'faas.instance': record.instance,
    'faas.max_memory': record.memoryMiB * 1_048_576,
    'cloud.platform': 'weir',
    'cloud.region': region,
    'cloud.resource_id': record.functionId,
    'deployment.environment.name': record.environment,
    'weir.project': record.project,
    'weir.outcome': record.outcome,
    'weir.start': record.start,
    'weir.cpu_us': record.cpuUs,
    'weir.refusals': record.refusals,
  };
}
