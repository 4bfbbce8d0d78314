import type { BillResource, Usage } from '../../src/api/observed.ts';
import { href, replaceQuery } from '../address.ts';
import type { Address } from '../address.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { Plot } from '../charts/plot.tsx';
import { wallMs } from '../clock.ts';
import { cents, date, duration, money, percent, short } from '../format.ts';
import { seriesOf } from '../series.ts';
import { Card, Empty, FailureNote, Figure, PageHead, Select, Waiting } from '../parts/basics.tsx';

/** As the bill has them: months in UTC. */
function monthsBefore(nowMs: number): { value: string; label: string }[] {
  const now = new Date(nowMs);
  const name = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' });
  return Array.from({ length: 12 }, (_, back) => {
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1));
    return { value: month.toISOString().slice(0, 7), label: name.format(month) };
  });
}

export function UsagePage({ address }: { readonly address: Address }) {
  const months = monthsBefore(wallMs());
  const month = address.query['month'] ?? months[0]?.value ?? '';
  const bill = useAsked('bill', { query: { month } }, 15_000);
  return (
    <>
      <PageHead title="Usage" note="What it cost, and what one invocation per instance would have.">
        <Select
          label="Month"
          choices={months}
          value={month}
          onChoose={(value) => replaceQuery(address, { month: value })}
        />
        <Download month={month} />
      </PageHead>
      {bill.failure !== null && <FailureNote failure={bill.failure} again={bill.again} />}
      {bill.data === null ? <Waiting rows={8} /> : <Bill bill={bill.data} />}
      {bill.data !== null && <Used bill={bill.data} />}
    </>
  );
}

function Download({ month }: { readonly month: string }) {
  const doing = useDoing();
  const save = () =>
    doing.run(async () => {
      const text = await call('billCsv', { query: { month } });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
      link.download = `weir-${month}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  return (
    <>
      <button type="button" class="button" onClick={save} aria-disabled={doing.busy}>
        Download CSV
      </button>
      {doing.failure !== null && <FailureNote failure={doing.failure} />}
    </>
  );
}

function Bill({ bill }: { readonly bill: BillResource }) {
  return (
    <>
      <section class="figures four" aria-label="Totals">
        <Figure label="Cost" value={cents(bill.totalUsd)} note={`${date(bill.fromMs)} to ${date(bill.toMs - 1)}`} />
        <Figure label="One per instance" value={cents(bill.onePerInstanceUsd)} note="the same traffic" />
        <Figure
          label="Saved"
          value={cents(bill.savedUsd)}
          note={percent(bill.savedPercent)}
          tone={bill.savedUsd > 0 ? 'good' : 'plain'}
        />
        <Figure
          label="Memory not held"
          value={
            <>
              {short(bill.savedGbHours)}
              <small> GB-h</small>
            </>
          }
          note="by sharing instances"
        />
      </section>
      <Card title="Bill" class="flush">
        {bill.projects.length === 0 ? (
          <Empty title="Nothing was used in this month." icon="usage">
            <p>Only CPU that ran, memory while there was work, and invocations are counted.</p>
          </Empty>
        ) : (
          <div class="scroll" tabIndex={0} role="region" aria-label="Bill">
            <table class="bill">
              <thead>
                <tr>
                  <th scope="col">What</th>
                  <th scope="col" class="number">
                    Used
                  </th>
                  <th scope="col" class="number">
                    At
                  </th>
                  <th scope="col" class="number">
                    Amount
                  </th>
                </tr>
              </thead>
              {bill.projects.map((project) => (
                <BillOf key={project.project} project={project} />
              ))}
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

function BillOf({ project }: { readonly project: BillResource['projects'][number] }) {
  return (
    <tbody>
      <tr class="bill-project">
        <th scope="rowgroup" colSpan={3}>
          <a href={href(['deployments', project.project])}>{project.project}</a>{' '}
          <span class="note">
            one per instance: {cents(project.onePerInstanceUsd)}, saved {percent(project.savedPercent)}
          </span>
        </th>
        <td class="number">
          <b>{cents(project.totalUsd)}</b>
        </td>
      </tr>
      {project.lines.map((line) => (
        <tr key={line.what}>
          <td class="bill-line">{line.what}</td>
          <td class="number">
            {short(line.quantity)} {line.unit}
          </td>
          <td class="number">{money(line.unitUsd)}</td>
          <td class="number">{line.amountUsd === 0 && line.quantity > 0 ? '< $0.01' : cents(line.amountUsd)}</td>
        </tr>
      ))}
    </tbody>
  );
}

function Used({ bill }: { readonly bill: BillResource }) {
  const span = { from: `${bill.fromMs}`, to: `${bill.toMs}` };
  const usage = useAsked('usage', { query: { ...span, group: 'function', step: 86_400 } });
  if (usage.failure !== null) return <FailureNote failure={usage.failure} again={usage.again} />;
  if (usage.data === null) return <Waiting rows={6} />;
  return (
    <div class="columns">
      <Daily usage={usage.data} />
      <ByFunction usage={usage.data} />
    </div>
  );
}

function Daily({ usage }: { readonly usage: Usage }) {
  const { times, amounts } = seriesOf(usage, wallMs());
  return (
    <Card title="Day by day" class="chart-card">
      <Plot
        title="Cost a day"
        heightPx={220}
        times={times}
        format={(value) => (value === null ? '–' : money(value))}
        lines={[
          { label: 'One per instance', color: 'foam', values: amounts(({ cost }) => cost.onePerInstanceUsd) },
          { label: 'Weir', color: 'water', values: amounts(({ cost }) => cost.totalUsd) },
        ]}
      />
    </Card>
  );
}

function ByFunction({ usage }: { readonly usage: Usage }) {
  const groups = usage.groups.filter((group) => group.function !== null).slice(0, 50);
  return (
    <Card title="By function" class="flush">
      <div class="scroll" tabIndex={0} role="region" aria-label="Usage by function">
        <table>
          <thead>
            <tr>
              <th scope="col">Function</th>
              <th scope="col" class="number">
                Invocations
              </th>
              <th scope="col" class="number">
                Active CPU
              </th>
              <th scope="col" class="number">
                Cost
              </th>
              <th scope="col" class="number">
                Saved
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ function: label, totals }) => (
              <tr key={label}>
                <th scope="row">
                  <a href={href(['function', ...(label ?? '').split('/')])}>{label}</a>
                </th>
                <td class="number">{short(totals.invocations)}</td>
                <td class="number">{duration(totals.cpuUs / 1000)}</td>
                <td class="number">{money(totals.cost.totalUsd)}</td>
                <td class="number">{percent(totals.cost.savedPercent)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
