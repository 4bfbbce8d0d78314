/** Custom metrics: what `metric()` of @vercel/functions looks for. */
import { limits } from '../../src/base/limits.ts';
import type { Call } from '../../src/core/call.ts';
import { validMetric } from '../../src/model/metric.ts';
import { metricFixedBytes } from '../../src/tunnel/message.ts';
import type { Host } from './host.ts';

export interface MetricSender {
  sendMetric(name: unknown, value: unknown, attributes?: unknown): void;
}

/** Of each invocation limits.metricsPerInvocation are sent, and as many in all of code that belongs to none. */
export function metricSender(host: Host): MetricSender {
  const sent = new WeakMap<Call, number>();
  let sentOutside = 0;
  const count = (call: Call | undefined): number => {
    if (call === undefined) return (sentOutside += 1);
    const now = (sent.get(call) ?? 0) + 1;
    sent.set(call, now);
    return now;
  };
  return {
    sendMetric(name, value, attributes) {
      if (!host.services) return;
      const call = host.currentCall();
      const warn = (text: string): void => host.log('warn', 'platform', `metric: ${text}`, call ?? null);
      const number = count(call);
      if (number > limits.metricsPerInvocation) {
        // Once: whoever sends too many does so often.
        if (number === limits.metricsPerInvocation + 1)
          warn(`only the first ${number - 1} of an invocation are counted`);
        return;
      }
      const metric = validMetric(name, value, attributes);
      if (metric === null) {
        warn(`expected a name, a finite number and at most ${limits.metricAttributes} attributes; it is not counted`);
        return;
      }
      const json = JSON.stringify({ name: metric.name, attributes: metric.attributes });
      // Controls and quotes take up to six bytes in JSON.
      const jsonBytes = limits.metricBytes - metricFixedBytes;
      if (Buffer.byteLength(json) > jsonBytes)
        warn(`${metric.name} is longer than ${jsonBytes} bytes; it is not counted`);
      else host.metric(metric.value, json);
    },
  };
}
