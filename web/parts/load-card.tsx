import { useMemo, useState } from 'preact/hooks';
import type { DeploymentResource } from '../../src/api/deployments.ts';
import type { LoadResult } from '../../src/api/observed.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { duration, money, plural, whole } from '../format.ts';
import { live } from '../live.ts';
import { Action } from './action.tsx';
import { say } from './announcer.tsx';
import { Card, Command, Empty, FailureNote, Select } from './basics.tsx';

const requests = 200;
/** Of the examples, what shows best how much is saved: it waits for a second. */
const demo = { project: 'mixed', path: '/api/io?ms=1000' };

/** Sends requests all at once, and says what came: the model can be seen at work. */
export function LoadCard() {
  const projects = useAsked('projects', {});
  const served = useMemo(() => projects.data?.items.filter(({ live }) => live !== null) ?? [], [projects.data]);
  const [chosen, setChosen] = useState<string | null>(null);
  const project = served.find(({ name }) => name === (chosen ?? demo.project)) ?? served[0];
  const deployment = useAsked('deployment', project?.live == null ? null : { params: { id: project.live } });
  if (projects.data !== null && project === undefined) {
    return (
      <Card title="Try it">
        <Empty title="There is nothing to send requests to." icon="bolt">
          <p>Deploy a project first:</p>
          <Command>weir deploy</Command>
        </Empty>
      </Card>
    );
  }
  return (
    <Card title="Try it" note="and watch the counter">
      {projects.failure !== null && <FailureNote failure={projects.failure} again={projects.again} />}
      <Select
        label="Project"
        choices={served.map(({ name }) => ({ value: name, label: name }))}
        value={project?.name ?? ''}
        onChoose={setChosen}
      />
      <Sender
        key={project?.name ?? ''}
        origin={project?.liveUrl ?? null}
        first={project?.name === demo.project ? demo.path : '/'}
        paths={pathsOf(deployment.data)}
      />
    </Card>
  );
}

/** Routes that are paths as they stand. */
const pathsOf = (deployment: DeploymentResource | null): readonly string[] =>
  deployment === null
    ? []
    : deployment.functions.flatMap(({ routes }) => routes).filter((route) => /^\/[^:[*]*$/.test(route));

interface SenderProps {
  readonly origin: string | null;
  readonly first: string;
  readonly paths: readonly string[];
}

function Sender({ origin, first, paths }: SenderProps) {
  const [path, setPath] = useState(first);
  const [result, setResult] = useState<{ load: LoadResult; savedUsd: number } | null>(null);
  const doing = useDoing();
  const send = () =>
    doing.run(async () => {
      if (origin === null) return;
      const before = live.get().now?.since.cost.savedUsd ?? 0;
      const url = new URL(path, origin).href;
      const load = await call('load', { body: { url, requests, atOnce: requests } });
      setResult({ load, savedUsd: (live.get().now?.since.cost.savedUsd ?? 0) - before });
      say(`${whole(load.answered)} of ${whole(load.requests)} requests were answered in ${duration(load.tookMs)}.`);
    });
  return (
    <>
      <label class="field">
        <span>Path</span>
        <input
          list="load-paths"
          value={path}
          spellcheck={false}
          onInput={(event) => setPath(event.currentTarget.value)}
        />
        <datalist id="load-paths">
          {paths.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
      </label>
      <Action
        route="load"
        kind="primary"
        label={doing.busy ? 'Sending…' : `Send ${requests} concurrent requests`}
        busy={doing.busy}
        onClick={send}
      />
      {doing.failure !== null && <FailureNote failure={doing.failure} />}
      {result === null ? (
        <p class="note load-none">They all wait at once. See how few instances they share.</p>
      ) : (
        <Result load={result.load} savedUsd={result.savedUsd} />
      )}
    </>
  );
}

function Result({ load, savedUsd }: { readonly load: LoadResult; readonly savedUsd: number }) {
  const statuses = Object.entries(load.statuses).map(([status, count]) => `${whole(count)} × ${status}`);
  return (
    <div class="load-result">
      <p>
        <b>{whole(load.answered)}</b> answered by <b>{plural(load.instances, 'instance')}</b> in{' '}
        <b>{duration(load.tookMs)}</b>
        {load.failed > 0 && <span class="bad-text">, {whole(load.failed)} failed</span>}
      </p>
      <p class="note">
        p50 {duration(load.latencyMs.p50)} · p99 {duration(load.latencyMs.p99)} · {statuses.join(', ')}
      </p>
      {savedUsd > 0 && <p class="note">Meanwhile the counter rose by {money(savedUsd)}.</p>}
    </div>
  );
}
