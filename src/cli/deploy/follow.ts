import type { DeploymentEvent, DeploymentResource } from '../../api/deployments.ts';
import { limits } from '../../base/limits.ts';
import type { Control } from '../connection/control.ts';
import { isNetworkError } from '../connection/control.ts';
import { serverEvents } from '../server-events.ts';
import { retrying } from './retrying.ts';

type Line = Extract<DeploymentEvent, { type: 'log' }>;

/** What is said while a deployment is made, each line once. Resolves with it, when it is made or has failed. */
export async function followDeployment(
  control: Control,
  id: string,
  said: (line: Line) => void,
  signal: AbortSignal,
): Promise<DeploymentResource> {
  const seen = new Set<string>();
  let last: string | null = null;
  const told = (line: Line): void => {
    // Whoever connects again may be told what was told before.
    const key = `${line.atMs} ${line.text}`;
    if (!seen.has(key)) said(line);
    seen.add(key);
  };
  for (let empty = 0; ; empty += 1) {
    const headers: Record<string, string> = last === null ? {} : { 'Last-Event-ID': last };
    const response = await retrying(
      () => control.request('deploymentEvents', { params: { id }, headers, signal }),
      signal,
    );
    try {
      for await (const { data, id: eventId } of serverEvents(response)) {
        const event = data as DeploymentEvent;
        if (event.type === 'state') return event.deployment;
        told(event);
        empty = 0;
        last = eventId ?? last;
      }
    } catch (error) {
      if (!isNetworkError(error) || signal.aborted || empty >= limits.followAttempts) throw error;
    }
    const found = await retrying(() => control.call('deployment', { params: { id } }), signal);
    if (found.state !== 'building' && found.state !== 'uploading') return found;
    if (empty >= limits.followAttempts) return found;
  }
}
