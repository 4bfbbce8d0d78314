import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { TraceExporter } from '../control/traces/trace-exporter.ts';
import { traceSettings } from '../control/traces/trace-settings.ts';
import type { EdgeOptions } from '../edge/server.ts';

interface TraceParts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly region: string;
}

/** Traces go where the environment says (OTEL_EXPORTER_OTLP_ENDPOINT); nowhere else. Throws UsageError for what it cannot mean. */
export function openTraces({ environment, ...parts }: TraceParts): {
  readonly sampler: NonNullable<EdgeOptions['traces']> | null;
  dropped(): number;
  close(): Promise<void>;
} {
  const settings = traceSettings(environment);
  const exporter = settings === null ? null : new TraceExporter({ settings, ...parts });
  return {
    sampler: settings?.sampler ?? null,
    dropped: () => exporter?.dropped ?? 0,
    close: async () => exporter?.close(),
  };
}
