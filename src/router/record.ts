// Hot path while somebody is told of invocations: one object for each, and its phases.
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { RequestHead } from '../model/invoke.ts';
import type { InvocationRecord, Phases } from '../model/telemetry.ts';
import type { RoutedInvocation } from './invocation.ts';

/** What is told of an invocation that settles now. */
export function recordOf(invocation: RoutedInvocation, spec: FunctionSpec, clock: Clock): InvocationRecord {
  const { head, meter } = invocation;
  const nowMs = clock.nowMs();
  return {
    id: head.id,
    functionId: spec.id,
    label: spec.label,
    project: spec.project,
    deployment: spec.deployment,
    environment: spec.environment,
    route: invocation.route.pattern,
    method: head.method,
    host: hostOf(head),
    path: pathOf(head.target),
    status: invocation.status === 0 ? null : invocation.status,
    outcome: invocation.outcome,
    start: meter === null ? null : invocation.start,
    instance: meter === null ? null : meter.id,
    receivedMs: clock.wallMs() - (nowMs - (head.receivedMs ?? invocation.receivedMs)),
    phases: phasesOf(invocation, nowMs),
    cpuUs: invocation.cpuUs,
    memoryMiB: spec.config.memoryMiB,
    requestBytes: invocation.requestBytes,
    responseBytes: invocation.responseBytes,
    refusals: invocation.returns,
    trace: head.trace ?? null,
  };
}

/** Stamps are of one clock, taken in this order; where two phases coincide there is one stamp for both. */
function phasesOf(invocation: RoutedInvocation, settledMs: number): Phases {
  const { head, receivedMs: routedMs, meter, queuedMs, sentMs, begunMs, releasedMs, outcome } = invocation;
  const receivedMs = head.receivedMs ?? routedMs;
  const us = (atMs: number): number => Math.max(0, Math.round((atMs - receivedMs) * 1000));
  const routedUs = us(routedMs);
  // An answer that is complete at once comes when its instance is done with it, and says that it began if nothing said so before.
  const answeredMs = invocation.answeredMs < 0 && outcome === 'answered' ? releasedMs : invocation.answeredMs;
  const startedMs = begunMs < 0 ? answeredMs : begunMs;
  const sentUs = meter === null ? null : us(sentMs);
  return {
    admittedUs: head.admittedMs === undefined ? routedUs : us(head.admittedMs),
    matchedUs: head.matchedMs === undefined ? routedUs : us(head.matchedMs),
    cachedUs: routedUs,
    resolvedUs: routedUs,
    queuedUs: queuedMs < 0 ? null : us(queuedMs),
    placedUs: sentUs,
    sentUs,
    begunUs: startedMs < 0 ? null : us(startedMs),
    answeredUs: answeredMs < 0 ? null : us(answeredMs),
    settledUs: us(settledMs),
  };
}

export function hostOf({ headers }: RequestHead): string {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') return headers[at + 1]!;
  }
  return '';
}

/** Targets are ASCII, or latin-1 at most: a character each is a byte. */
function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return target.slice(0, Math.min(mark === -1 ? target.length : mark, limits.recordedPathBytes));
}
