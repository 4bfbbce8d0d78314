import { useMemo } from 'preact/hooks';
import type { LiveFunction, Now, Usage } from '../../src/api/observed.ts';
import { href, replaceQuery } from '../address.ts';
import type { Address } from '../address.ts';
import { useAsked } from '../asking.ts';
import { Meter } from '../charts/bars.tsx';
import { Plot } from '../charts/plot.tsx';
import { Water } from '../charts/water.tsx';
import { wallMs } from '../clock.ts';
import { duration, money, partOf, percent, plural, short, whole } from '../format.ts';
import { live } from '../live.ts';
import { Badge, Card, Choices, Command, Empty, FailureNote, Figure, PageHead, Waiting } from '../parts/basics.tsx';
import { CrashesCard } from '../parts/crashes-card.tsx';
import { LoadCard } from '../parts/load-card.tsx';
import { Savings } from '../parts/savings.tsx';
import { seriesOf } from '../series.ts';
import { useStore } from '../store.ts';

const spans = [
  { value: '1h', label: '1 hour' },
  { value: '24h', label: '24 hours' },
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
] as const;
export const spanOf = (address: Address): string =>
  spans.find(({ value }) => value === address.query['span'])?.value ?? '1h';

export function SpanChoice({ address }: { readonly address: Address }) {
  return (
    <Choices
      label="Span"
      choices={spans}
      value={spanOf(address) as '1h'}
      onChoose={(span) => replaceQuery(address, { span })}
    />
  );
}

export function Overview({ address }: { readonly address: Address }) {
  const { now } = useStore(live);
  const span = spanOf(address);
  const usage = useAsked('usage', { query: { from: span } }, 15_000);
  // The page is drawn every second, what is over time when it comes.
  const charts = useMemo(() => <Charts usage={usage.data} />, [usage.data]);
  return (
    <>
      <PageHead title="Overview" />
      <Hero now={now} />
      <Figures now={now} />
      <div class="section-head">
        <h2>Traffic</h2>
        <SpanChoice address={address} />
      </div>
      {usage.failure !== null && <FailureNote failure={usage.failure} again={usage.again} />}
      {charts}
      <div class="columns wide-left">
        <Functions now={now} usage={usage.data} />
        <LoadCard />
      </div>
      <CrashesCard />
    </>
  );
}

function Hero({ now }: { readonly now: Now | null }) {
  const perSecond = now?.perSecond.invocations ?? 0;
  const summary = `Traffic of the last two minutes; ${short(perSecond)} invocations in the last second.`;
  return (
    <section class="hero" aria-label="Savings">
      <Water summary={summary} />
      <div class="hero-text">
        <Savings now={now} />
      </div>
      <p class="hero-legend">
        <span>
          <i class="swatch water" /> invocations a second
        </span>
        <span>
          <i class="swatch foam" /> in flight
        </span>
        <span>last two minutes</span>
      </p>
    </section>
  );
}

function Figures({ now }: { readonly now: Now | null }) {
  const inFlight = now?.functions.reduce((sum, item) => sum + item.inFlight, 0);
  const queued = now?.functions.reduce((sum, item) => sum + item.queued, 0) ?? 0;
  const instances = now?.functions.reduce((sum, item) => sum + item.instances.length, 0);
  const failing = now === null ? null : partOf(now.perSecond.failed, now.perSecond.invocations);
  return (
    <section class="figures" aria-label="Now">
      <Figure
        label="Invocations"
        value={
          <>
            {short(now?.perSecond.invocations)}
            <small>/s</small>
          </>
        }
        note={`${short(now?.since.invocations)} so far`}
      />
      <Figure label="Latency, p50" value={duration(now?.latencyMs.p50)} note={`p99 ${duration(now?.latencyMs.p99)}`} />
      <Figure label="First byte, p50" value={duration(now?.ttfbMs.p50)} note={`p99 ${duration(now?.ttfbMs.p99)}`} />
      <Figure
        label="Failed"
        value={percent(failing)}
        note={`${short(now?.since.failed)} so far`}
        tone={(failing ?? 0) > 5 ? 'bad' : 'plain'}
      />
      <Figure
        label="In flight"
        value={whole(inFlight)}
        note={queued === 0 ? 'none queued' : `${whole(queued)} queued`}
        tone={queued > 0 ? 'warn' : 'plain'}
      />
      <Figure
        label="Instances"
        value={whole(instances)}
        note={now === null ? ' ' : `${plural(now.stems, 'stem')} ready`}
      />
    </section>
  );
}

const rate = (value: number | null): string => `${short(value)}/s`;

function Charts({ usage }: { readonly usage: Usage | null }) {
  if (usage === null) {
    return (
      <div class="grid three">
        {['Invocations', 'Latency', 'Concurrency'].map((title) => (
          <Card key={title} title={title} class="chart-card">
            <Waiting rows={4} />
          </Card>
        ))}
      </div>
    );
  }
  const { stepS } = usage;
  const { times, amounts, measures } = seriesOf(usage, wallMs());
  return (
    <div class="grid three">
      <Card title="Invocations" note="a second" class="chart-card">
        <Plot
          title="Invocations a second"
          times={times}
          format={rate}
          lines={[
            { label: 'All', color: 'water', values: amounts(({ invocations }) => invocations / stepS) },
            { label: 'Failed', color: 'clay', values: amounts(({ failed }) => failed / stepS) },
          ]}
        />
      </Card>
      <Card title="Latency" note="from received to settled" class="chart-card">
        <Plot
          title="Latency"
          times={times}
          format={duration}
          lines={[
            { label: 'p50', color: 'water', values: measures(({ latencyMs }) => latencyMs.p50) },
            { label: 'p95', color: 'dusk', values: measures(({ latencyMs }) => latencyMs.p95) },
            { label: 'p99', color: 'sand', values: measures(({ latencyMs }) => latencyMs.p99) },
          ]}
        />
      </Card>
      <Card title="Concurrency" note="peaks" class="chart-card">
        <Plot
          title="Peaks of invocations in flight and of instances"
          times={times}
          format={short}
          lines={[
            { label: 'In flight', color: 'water', values: amounts(({ peakInFlight }) => peakInFlight) },
            { label: 'Instances', color: 'moss', values: amounts(({ peakInstances }) => peakInstances) },
          ]}
        />
      </Card>
    </div>
  );
}

function Functions({ now, usage }: { readonly now: Now | null; readonly usage: Usage | null }) {
  if (now === null) {
    return (
      <Card title="Functions">
        <Waiting rows={5} />
      </Card>
    );
  }
  const rows = now.functions.toSorted((a, b) => b.inFlight - a.inFlight || a.label.localeCompare(b.label));
  return (
    <Card title="Functions" note={rows.length === 0 ? undefined : plural(rows.length, 'function')} class="flush">
      {rows.length === 0 ? (
        <Empty title="Nothing is served yet.">
          <p>In the directory of a project:</p>
          <Command>weir deploy</Command>
        </Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Functions">
          <table>
            <thead>
              <tr>
                <th scope="col">Function</th>
                <th scope="col" class="number">
                  Now
                </th>
                <th scope="col">In flight of what fits</th>
                <th scope="col" class="number">
                  Instances
                </th>
                <th scope="col" class="number">
                  p95
                </th>
                <th scope="col" class="number">
                  Failed
                </th>
                <th scope="col" class="number">
                  Saved
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <FunctionRow
                  key={row.id}
                  row={row}
                  totals={usage?.groups.find((group) => group.function === row.label)?.totals}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function FunctionRow({ row, totals }: { readonly row: LiveFunction; readonly totals: Usage['totals'] | undefined }) {
  const fits = row.instances.reduce((sum, { limit }) => sum + (limit ?? 0), 0);
  return (
    <tr>
      <th scope="row">
        <a href={href(['function', ...row.label.split('/')], { deployment: row.isLive ? undefined : row.deployment })}>
          {row.label}
        </a>{' '}
        {!row.isLive && <Badge>preview</Badge>} {row.backingOff !== null && <Badge tone="bad">cannot start</Badge>}
        {row.queued > 0 && <Badge tone="warn">{row.queued} queued</Badge>}
      </th>
      <td class="number">{short(row.perSecond.invocations)}/s</td>
      <td>
        <span class="metered">
          <Meter label={`In flight, ${row.label}`} value={row.inFlight} most={fits} />
          <span class="number">
            {row.inFlight} of {fits}
          </span>
        </span>
      </td>
      <td class="number">{row.instances.length}</td>
      <td class="number">{duration(totals?.latencyMs.p95)}</td>
      <td class="number">{totals === undefined ? '–' : percent(partOf(totals.failed, totals.invocations))}</td>
      <td class="number">{money(totals?.cost.savedUsd)}</td>
    </tr>
  );
}
