import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { samplers } from './sampler.ts';
import type { Sampler } from './sampler.ts';

/** Where traces go, and which. */
export interface TraceSettings {
  /** Of the collector, with its path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the resource: service.name, and what else the operator says. */
  readonly resource: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly sampler: Sampler;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * As OpenTelemetry's specification names them (OTLP exporter configuration; environment variables of SDKs). Null: nobody has
 * configured a collector, and there are no traces. Throws UsageError.
 */
export function traceSettings(environment: Environment): TraceSettings | null {
  const named = (name: string): string => environment[name]?.trim() ?? '';
  /** Of traces alone, else of all signals. */
  const of = (name: string): string =>
    named(`OTEL_EXPORTER_OTLP_TRACES_${name}`) || named(`OTEL_EXPORTER_OTLP_${name}`);
  const own = named('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const base = named('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (own === '' && base === '') return null;
  if (named('OTEL_SDK_DISABLED').toLowerCase() === 'true' || named('OTEL_TRACES_EXPORTER') === 'none') return null;
  if (of('PROTOCOL') === 'grpc') {
    throw new UsageError(
      'OTEL_EXPORTER_OTLP_PROTOCOL=grpc: traces are sent over HTTP: name the port for it, mostly 4318',
    );
  }
  // The one for traces is taken as it is, the other is where all signals have their paths.
  const url = own === '' ? `${base.replace(/\/+$/, '')}/v1/traces` : own;
  if (!isHttp(url)) throw new UsageError(`OTEL_EXPORTER_OTLP_ENDPOINT: ${url} is no URL of HTTP`);
  const resource = { 'service.name': 'weir', ...pairs(named('OTEL_RESOURCE_ATTRIBUTES'), 'OTEL_RESOURCE_ATTRIBUTES') };
  const service = named('OTEL_SERVICE_NAME');
  return {
    url,
    headers: pairs(of('HEADERS'), 'OTEL_EXPORTER_OTLP_HEADERS'),
    resource: service === '' ? resource : { ...resource, 'service.name': service },
    timeoutMs: timeoutOf(of('TIMEOUT')),
    sampler: samplerOf(named('OTEL_TRACES_SAMPLER'), named('OTEL_TRACES_SAMPLER_ARG')),
  };
}

const isHttp = (url: string): boolean => /^https?:$/.test(URL.parse(url)?.protocol ?? '');

/** `key=value,key=value`, percent-encoded (as W3C Baggage has it). The values may be secrets: no message names them. */
function pairs(text: string, name: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    if (at < 1 || key === '') throw new UsageError(`${name} has a part that is not KEY=VALUE`);
    try {
      found[key] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      throw new UsageError(`${name}: the value of ${key} is not percent-encoded as it has to be`);
    }
  }
  return found;
}

function timeoutOf(text: string): number {
  if (text === '') return limits.traceTimeoutMs;
  if (/^\d{1,7}$/.test(text) && Number(text) > 0) return Number(text);
  throw new UsageError(`OTEL_EXPORTER_OTLP_TIMEOUT: ${text} is no number of milliseconds`);
}

function samplerOf(name: string, argument: string): Sampler {
  const make = samplers[name === '' ? 'parentbased_always_on' : name];
  if (make === undefined) {
    throw new UsageError(`OTEL_TRACES_SAMPLER: ${name} is none of ${Object.keys(samplers).join(', ')}`);
  }
  const ratio = argument === '' ? 1 : Number(argument);
  if (ratio >= 0 && ratio <= 1) return make(ratio);
  throw new UsageError(`OTEL_TRACES_SAMPLER_ARG: ${argument} is no number from 0 to 1`);
}
