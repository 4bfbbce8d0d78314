import { useState } from 'preact/hooks';
import type { CronResource, CronRun } from '../../src/api/observed.ts';
import { href } from '../address.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { duration, utc } from '../format.ts';
import { scheduleWords } from '../schedule.ts';
import { Action, Dialog } from './action.tsx';
import { say } from './announcer.tsx';
import { Badge, Card, Command, Empty, FailureNote, Time, Waiting } from './basics.tsx';
import type { Tone } from './basics.tsx';

/** Paths of a project that are called at times. */
export function CronsCard({ project }: { readonly project: string }) {
  const { data, failure, again } = useAsked('crons', { query: { project } }, 5000);
  return (
    <Card title="Crons" note="of what is live" class="flush">
      {failure !== null && <FailureNote failure={failure} again={again} />}
      {data === null && failure === null && <Waiting rows={2} />}
      {data?.items.length === 0 && (
        <Empty title="Nothing is called at times." icon="clock">
          <p>
            Name the path and when in <code>weir.json</code>, and deploy to production:
          </p>
          <Command>{'"crons": [{ "path": "/api/report", "schedule": "0 5 * * *" }]'}</Command>
        </Empty>
      )}
      {data !== null && data.items.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Crons">
          <table>
            <thead>
              <tr>
                <th scope="col">Path</th>
                <th scope="col">Schedule</th>
                <th scope="col">Next</th>
                <th scope="col">Last</th>
                <th scope="col">
                  <span class="unseen">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((cron) => (
                <Row key={cron.id} cron={cron} changed={again} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Row({ cron, changed }: { readonly cron: CronResource; readonly changed: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const words = scheduleWords(cron.schedule);
  return (
    <tr>
      <th scope="row">
        <code>{cron.path}</code>
      </th>
      <td>
        {words ?? 'in UTC:'} <code class="note">{cron.schedule}</code>
      </td>
      <td>{cron.enabled ? cron.nextMs === null ? '–' : <At ms={cron.nextMs} /> : <Badge tone="warn">paused</Badge>}</td>
      <td>{cron.lastRun === null ? <span class="note">not called yet</span> : <Outcome run={cron.lastRun} />}</td>
      <td class="number">
        <Tools cron={cron} changed={changed} open={() => setOpen(true)} />
        {isOpen && <Runs cron={cron} close={() => setOpen(false)} />}
      </td>
    </tr>
  );
}

/** To the minute, in UTC as the schedule is; local time on hover. */
const At = ({ ms }: { readonly ms: number }) => (
  <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toString()}>
    {utc(ms).slice(0, 16)} UTC
  </time>
);

const tones: Readonly<Record<CronRun['outcome'], Tone>> = {
  answered: 'good',
  failed: 'bad',
  skipped: 'warn',
  running: 'calm',
};

function Outcome({ run }: { readonly run: CronRun }) {
  const tone = run.status !== null && run.status >= 400 && run.outcome === 'answered' ? 'warn' : tones[run.outcome];
  return (
    <>
      <Badge tone={tone}>{run.status === null ? run.outcome : `${run.outcome} ${run.status}`}</Badge>{' '}
      <Time ms={run.startedMs ?? run.dueMs} />
    </>
  );
}

interface ToolsProps {
  readonly cron: CronResource;
  readonly changed: () => void;
  readonly open: () => void;
}

function Tools({ cron, changed, open }: ToolsProps) {
  const doing = useDoing();
  const params = { cron: cron.id };
  const then = (work: () => Promise<unknown>, done: string) =>
    doing.run(async () => {
      await work();
      say(done);
      changed();
    });
  const { enabled, path } = cron;
  const turn = enabled ? 'Pause' : 'Resume';
  return (
    <span class="cron-tools">
      <button type="button" class="button" onClick={open} aria-label={`History of ${path}`}>
        History
      </button>
      <Action
        route="changeCron"
        label={turn}
        description={`${turn} ${path}`}
        busy={doing.busy}
        onClick={() =>
          then(
            () => call('changeCron', { params, body: { enabled: !enabled } }),
            enabled ? `${path} is paused.` : `${path} is called again.`,
          )
        }
      />
      <Action
        route="runCron"
        label="Run now"
        description={`Run now: ${path}`}
        busy={doing.busy}
        onClick={() => then(() => call('runCron', { params }), `${path} is being called.`)}
      />
      {doing.failure !== null && <FailureNote failure={doing.failure} />}
    </span>
  );
}

function Runs({ cron, close }: { readonly cron: CronResource; readonly close: () => void }) {
  const { data, failure, again } = useAsked('cronRuns', { params: { cron: cron.id }, query: { limit: 20 } }, 3000);
  return (
    <Dialog title={`Runs of ${cron.path}`} close={close}>
      <div class="dialog-text">
        {failure !== null && <FailureNote failure={failure} again={again} />}
        {data === null && failure === null && <Waiting rows={4} />}
        {data?.items.length === 0 && <p>It was not called yet: wait until it is due, or run it now.</p>}
        <ul class="cron-runs">
          {data?.items.map((run) => (
            <li key={run.id}>
              <Outcome run={run} /> {run.durationMs !== null && duration(run.durationMs)} {run.detail}{' '}
              {run.invocation !== null && <a href={href(['invocation', run.invocation])}>Invocation</a>}
            </li>
          ))}
        </ul>
      </div>
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </footer>
    </Dialog>
  );
}
