import type { Usage, UsageTotals } from '../../src/api/observed.ts';
import { Ranks, Split } from '../charts/bars.tsx';
import { Plot } from '../charts/plot.tsx';
import { wallMs } from '../clock.ts';
import { duration, partOf, percent, short } from '../format.ts';
import { Card, Empty, Facts, Waiting } from '../parts/basics.tsx';
import { seriesOf } from '../series.ts';

const titles = ['Duration', 'First byte', 'CPU and wall time', 'Memory', 'Starts', 'Refusals and failures'];

export function FunctionCharts({ usage }: { readonly usage: Usage | null }) {
  if (usage === null) {
    return (
      <div class="grid three">
        {titles.map((title) => (
          <Card key={title} title={title} class="chart-card">
            <Waiting rows={4} />
          </Card>
        ))}
      </div>
    );
  }
  return (
    <div class="grid three">
      <Percentiles title="Duration" note="from received to settled" usage={usage} pick={({ latencyMs }) => latencyMs} />
      <Percentiles title="First byte" note="time to it" usage={usage} pick={({ ttfbMs }) => ttfbMs} />
      <CpuAndWall usage={usage} />
      <Memory usage={usage} />
      <Starts usage={usage} />
      <Refused totals={usage.totals} />
    </div>
  );
}

interface PercentilesProps {
  readonly title: string;
  readonly note: string;
  readonly usage: Usage;
  readonly pick: (totals: UsageTotals) => UsageTotals['latencyMs'];
}

function Percentiles({ title, note, usage, pick }: PercentilesProps) {
  const { times, measures } = seriesOf(usage, wallMs());
  return (
    <Card title={title} note={note} class="chart-card">
      <Plot
        title={title}
        times={times}
        format={duration}
        lines={[
          { label: 'p50', color: 'water', values: measures((totals) => pick(totals).p50) },
          { label: 'p95', color: 'dusk', values: measures((totals) => pick(totals).p95) },
          { label: 'p99', color: 'sand', values: measures((totals) => pick(totals).p99) },
        ]}
      />
    </Card>
  );
}

const perSecond = (ms: number | null): string => (ms === null ? '–' : `${duration(ms)}/s`);

function CpuAndWall({ usage }: { readonly usage: Usage }) {
  const { times, amounts } = seriesOf(usage, wallMs());
  const { totals, stepS } = usage;
  const busy = partOf(totals.cpuUs, totals.wallUs);
  return (
    <Card title="CPU and wall time" note={`it ran for ${percent(busy)} of the time`} class="chart-card">
      <Plot
        title="Active CPU and wall time a second"
        times={times}
        format={perSecond}
        lines={[
          { label: 'Wall', color: 'foam', values: amounts(({ wallUs }) => wallUs / 1000 / stepS) },
          { label: 'CPU', color: 'water', values: amounts(({ cpuUs }) => cpuUs / 1000 / stepS) },
        ]}
      />
    </Card>
  );
}

const gb = (value: number | null): string => (value === null ? '–' : `${short(value)} GB`);

function Memory({ usage }: { readonly usage: Usage }) {
  const { times, amounts } = seriesOf(usage, wallMs());
  const { stepS, totals } = usage;
  const less = totals.memoryGbSeconds === 0 ? null : totals.wallGbSeconds / totals.memoryGbSeconds;
  return (
    <Card
      title="Memory"
      note={less === null ? 'held while there was work' : `${short(less)} × less than one per instance`}
      class="chart-card"
    >
      <Plot
        title="Memory held on average"
        times={times}
        format={gb}
        lines={[
          { label: 'Held', color: 'moss', values: amounts(({ memoryGbSeconds }) => memoryGbSeconds / stepS) },
          {
            label: 'One per instance',
            color: 'foam',
            values: amounts(({ wallGbSeconds }) => wallGbSeconds / stepS),
          },
        ]}
      />
    </Card>
  );
}

function Starts({ usage }: { readonly usage: Usage }) {
  const { times, amounts } = seriesOf(usage, wallMs());
  const { cold, prewarmed, warm } = usage.totals.starts;
  return (
    <Card title="Starts" note="what invocations found" class="chart-card">
      <Split
        label="Starts"
        parts={[
          { label: 'Warm', value: warm, color: 'water' },
          { label: 'Prewarmed', value: prewarmed, color: 'foam' },
          { label: 'Cold', value: cold, color: 'dusk' },
        ]}
      />
      <Plot
        title="Starts that were not warm"
        times={times}
        format={short}
        stacked
        heightPx={96}
        lines={[
          { label: 'Cold', color: 'dusk', values: amounts(({ starts }) => starts.cold) },
          { label: 'Prewarmed', color: 'foam', values: amounts(({ starts }) => starts.prewarmed) },
        ]}
      />
    </Card>
  );
}

function Refused({ totals }: { readonly totals: UsageTotals }) {
  const nacks = ranked(totals.nacks);
  const failures = ranked(totals.failures);
  return (
    <Card title="Nacks and failures" note="what was nacked never ran" class="chart-card">
      {nacks.length === 0 && failures.length === 0 ? (
        <Empty title="None in this span.">
          <p>Nothing was refused, nothing failed.</p>
        </Empty>
      ) : (
        <>
          <h3>Nacks by reason</h3>
          {nacks.length === 0 ? (
            <p class="note">None.</p>
          ) : (
            <Ranks parts={nacks.map(([label, value]) => ({ label, value, color: 'sand' as const }))} />
          )}
          <h3>Failures by code</h3>
          {failures.length === 0 ? (
            <p class="note">None.</p>
          ) : (
            <Ranks parts={failures.map(([label, value]) => ({ label, value, color: 'clay' as const }))} />
          )}
        </>
      )}
      <Facts
        items={[
          ['CPU of nobody', duration(totals.unattributedUs / 1000)],
          ['CPU to boot, charged to nobody', duration(totals.bootUs / 1000)],
        ]}
      />
    </Card>
  );
}

const ranked = (counts: Readonly<Record<string, number>>): (readonly [string, number])[] =>
  Object.entries(counts).toSorted((a, b) => b[1] - a[1]);
