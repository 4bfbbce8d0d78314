import { useEffect, useState } from 'preact/hooks';
import type { DeploymentEvent } from '../../src/api/deployments.ts';
import { followEvents } from '../events.ts';

type Said = Extract<DeploymentEvent, { type: 'log' }>;

/** What is said while a deployment is made. */
export function BuildLog({ id, ended }: { readonly id: string; readonly ended: () => void }) {
  const [lines, setLines] = useState<readonly Said[]>([]);
  useEffect(
    () =>
      followEvents(
        'deploymentEvents',
        { params: { id } },
        {
          ends: true,
          event({ data }) {
            const event = JSON.parse(data) as DeploymentEvent;
            if (event.type === 'state') ended();
            else setLines((before) => [...before.slice(-199), event]);
          },
        },
      ),
    [id],
  );
  return (
    <div class="build-log" role="log" tabIndex={0} aria-label={`What is said while ${id} is made`}>
      {lines.length === 0
        ? 'It is being made…'
        : lines.map(({ atMs, level, text }) => (
            <p key={`${atMs}${text}`} class={level}>
              {text}
            </p>
          ))}
    </div>
  );
}
