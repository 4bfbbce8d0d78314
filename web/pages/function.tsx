import { useMemo } from 'preact/hooks';
import type { LiveFunction, Now, Usage } from '../../src/api/observed.ts';
import { href, replaceQuery } from '../address.ts';
import type { Address } from '../address.ts';
import { useAsked } from '../asking.ts';
import { HeatStrip } from '../charts/strip.tsx';
import { explained } from '../explained.ts';
import { bytes, duration, plural, short, shortId, whole } from '../format.ts';
import { live, versionsOf } from '../live.ts';
import { Badge, Card, Empty, Facts, FailureNote, Figure, PageHead, Select, Time, Waiting } from '../parts/basics.tsx';
import { CrashesCard } from '../parts/crashes-card.tsx';
import { InvocationTable } from '../parts/invocation-table.tsx';
import { useStore } from '../store.ts';
import { FunctionCharts } from './function-charts.tsx';
import { SpanChoice, spanOf } from './overview.tsx';

export function FunctionPage({ address, label }: { readonly address: Address; readonly label: string }) {
  const { now, past } = useStore(live);
  const versions = now === null ? [] : versionsOf(now, label);
  const chosen = versions.find(({ deployment }) => deployment === address.query['deployment']) ?? versions[0];
  const usage = useAsked('usage', { query: { from: spanOf(address), function: label, group: 'route' } }, 15_000);
  // The page is drawn every second, what is over time when it comes.
  const charts = useMemo(() => <FunctionCharts usage={usage.data} />, [usage.data]);
  return (
    <>
      <PageHead
        title={<FunctionName label={label} />}
        note={chosen === undefined ? undefined : <Version of={chosen} />}
      >
        {versions.length > 1 && (
          <Select
            label="Deployment"
            choices={versions.map(({ deployment, isLive }) => ({
              value: deployment,
              label: isLive ? `${deployment}, live` : deployment,
            }))}
            value={chosen?.deployment ?? ''}
            onChoose={(deployment) => replaceQuery(address, { deployment })}
          />
        )}
        <a class="button" href={href(['logs'], { function: label })}>
          Logs
        </a>
      </PageHead>
      {now === null ? <Waiting rows={4} /> : <Present of={chosen} past={past} label={label} />}
      <div class="section-head">
        <h2>Over time</h2>
        <SpanChoice address={address} />
      </div>
      {usage.failure !== null && <FailureNote failure={usage.failure} again={usage.again} />}
      {charts}
      <div class="columns">
        <Routes usage={usage.data} />
        <Recent label={label} />
      </div>
      <CrashesCard label={label} />
    </>
  );
}

function FunctionName({ label }: { readonly label: string }) {
  const [project = '', ...rest] = label.split('/');
  return (
    <>
      <a class="crumb" href={href(['deployments', project])}>
        {project}
      </a>
      <span class="crumb-sep">/</span>
      {rest.join('/')}
    </>
  );
}

function Version({ of }: { readonly of: LiveFunction }) {
  return (
    <>
      <code>{of.deployment}</code> {of.isLive ? <Badge tone="good">live</Badge> : <Badge>preview</Badge>}
    </>
  );
}

interface PresentProps {
  readonly of: LiveFunction | undefined;
  readonly past: readonly Now[];
  readonly label: string;
}

function Present({ of, past, label }: PresentProps) {
  if (of === undefined) {
    return (
      <Card>
        <Empty title="It has no instances now.">
          <p>
            They start with the first request to <code>{label}</code>. What is below is from before.
          </p>
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <Figures of={of} />
      {of.backingOff !== null && <p class="failure">No instance is started now: {of.backingOff}</p>}
      <div class="columns wide-left">
        <Card
          title="Concurrency"
          note={`${plural(of.instances.length, 'instance')}, a row each: how much of its limit is in flight`}
        >
          {of.instances.length === 0 ? (
            <Empty title="No instance runs.">
              <p>Idle functions hold none. The next request starts one.</p>
            </Empty>
          ) : (
            <HeatStrip past={past} of={of} />
          )}
        </Card>
        <Limit of={of} label={label} />
      </div>
    </>
  );
}

function Figures({ of }: { readonly of: LiveFunction }) {
  const fits = of.instances.reduce((sum, { limit }) => sum + (limit ?? 0), 0);
  const usedBytes = of.instances.reduce((sum, instance) => sum + (instance.usedBytes ?? 0), 0);
  const heldMiB = of.instances.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
  return (
    <section class="figures" aria-label="Now">
      <Figure
        label="Invocations"
        value={
          <>
            {short(of.perSecond.invocations)}
            <small>/s</small>
          </>
        }
        note={`${short(of.perSecond.failed)} failed`}
      />
      <Figure label="In flight" value={whole(of.inFlight)} note={`room for ${whole(fits)}`} />
      <Figure
        label="Queued"
        value={whole(of.queued)}
        note={of.queued === 0 ? 'nobody waits' : `for ${duration(of.oldestQueuedMs)}`}
        tone={of.queued > 0 ? 'warn' : 'plain'}
      />
      <Figure
        label="Active CPU"
        value={
          <>
            {Math.round(of.perSecond.cpuMs)}
            <small> ms/s</small>
          </>
        }
        note={`${short(of.perSecond.cpuMs / 1000)} processors busy`}
      />
      <Figure label="Memory" value={bytes(usedBytes)} note={`of ${bytes(heldMiB * 1_048_576)}`} />
    </section>
  );
}

const laneNames: Readonly<Record<string, string>> = {
  io: 'waits',
  waits: 'waits',
  cpu: 'computes',
  computes: 'computes',
};

function Limit({ of, label }: { readonly of: LiveFunction; readonly label: string }) {
  const { data, failure, again } = useAsked('explain', { query: { function: label } }, 5000);
  const { decisions, lanes, kept } = explained(data);
  return (
    <Card title="Limit" note="found by itself">
      <p class="limit">
        <b>{of.limit}</b>
        <span>at once in a new instance</span>
      </p>
      <p class="limit-why">
        {of.limitReason ?? 'Nothing is known yet: it begins high, and is lowered by what is seen.'}
      </p>
      {failure !== null && <FailureNote failure={failure} again={again} />}
      {lanes.length > 0 && (
        <Facts
          items={lanes.map(({ lane, limit, saturation }) => [
            `Work that ${laneNames[lane] ?? lane}`,
            `${limit}${saturation === null ? '' : `, full at ${short(saturation)}`}`,
          ])}
        />
      )}
      {decisions.length > 0 && (
        <ol class="decisions" aria-label="Decisions, the newest first">
          {decisions
            .slice(-6)
            .toReversed()
            .map(({ wallMs, text, instance }) => (
              <li key={`${wallMs}${text}`}>
                <Time ms={wallMs} as="clock" /> {text} {instance !== null && <code>{shortId(instance)}</code>}
              </li>
            ))}
        </ol>
      )}
      {kept !== null && <p class="note">Without work: {kept}.</p>}
    </Card>
  );
}

function Routes({ usage }: { readonly usage: Usage | null }) {
  const groups = usage?.groups.filter(({ route }) => route !== null) ?? [];
  return (
    <Card title="Routes" class="flush">
      {usage === null ? (
        <Waiting rows={3} />
      ) : groups.length === 0 ? (
        <Empty title="No route was called in this span.">
          <p>Choose a longer one, or call the function.</p>
        </Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Routes">
          <table>
            <thead>
              <tr>
                <th scope="col">Route</th>
                <th scope="col" class="number">
                  Invocations
                </th>
                <th scope="col" class="number">
                  p50
                </th>
                <th scope="col" class="number">
                  p99
                </th>
                <th scope="col" class="number">
                  CPU each
                </th>
              </tr>
            </thead>
            <tbody>
              {groups.map(({ route, totals }) => (
                <tr key={route}>
                  <th scope="row">
                    <code>{route}</code>
                  </th>
                  <td class="number">{whole(totals.invocations)}</td>
                  <td class="number">{duration(totals.latencyMs.p50)}</td>
                  <td class="number">{duration(totals.latencyMs.p99)}</td>
                  <td class="number">{duration(totals.cpuUs / 1000 / Math.max(1, totals.invocations))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Recent({ label }: { readonly label: string }) {
  const recent = useAsked('invocations', { query: { function: label, limit: 8 } }, 5000);
  return (
    <Card title="Recent invocations" aside={<a href={href(['invocations'], { function: label })}>All</a>} class="flush">
      {recent.failure !== null && <FailureNote failure={recent.failure} again={recent.again} />}
      {recent.data === null ? <Waiting rows={5} /> : <InvocationTable items={recent.data.items} slim />}
    </Card>
  );
}
