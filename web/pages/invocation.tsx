import type { InvocationResource } from '../../src/api/observed.ts';
import { href } from '../address.ts';
import { useAsked } from '../asking.ts';
import { bytes, duration, plural, shortId } from '../format.ts';
import { Badge, Card, Empty, Facts, FailureNote, PageHead, Time, Waiting } from '../parts/basics.tsx';
import { statusTone } from '../parts/invocation-table.tsx';
import { LogLines } from '../parts/log-lines.tsx';
import { spansOf } from '../phases.ts';
import type { Span } from '../phases.ts';

export function InvocationPage({ id }: { readonly id: string }) {
  const { data, failure, again } = useAsked('invocation', { params: { invocation: id } });
  if (failure !== null) return <FailureNote failure={failure} again={again} />;
  if (data === null) return <Waiting rows={12} />;
  const { invocation, lines, linesDropped } = data;
  return (
    <>
      <PageHead
        title={
          <>
            <a class="crumb" href={href(['invocations'])}>
              Invocations
            </a>
            <span class="crumb-sep">/</span>
            <span class="method">{invocation.method}</span> {invocation.path}
          </>
        }
        note={
          <>
            <code>{invocation.id}</code>{' '}
            <Badge tone={statusTone(invocation.status)}>{invocation.status ?? 'no status'}</Badge>{' '}
            {invocation.outcome !== 'answered' && <Badge tone="bad">{invocation.outcome}</Badge>}
          </>
        }
      />
      <div class="columns wide-left">
        <Waterfall invocation={invocation} />
        <Card title="Facts">
          <Facts items={factsOf(invocation)} />
        </Card>
      </div>
      <Card
        title="Logs"
        note={linesDropped > 0 ? `${plural(linesDropped, 'line')} beyond what is kept` : plural(lines.length, 'line')}
        class="flush"
      >
        {lines.length === 0 ? (
          <Empty title="It logged nothing." icon="logs">
            <p>
              What a function writes by <code>console.log</code>, to stdout or stderr appears here.
            </p>
          </Empty>
        ) : (
          <LogLines lines={lines} />
        )}
      </Card>
    </>
  );
}

const factsOf = (item: InvocationResource) =>
  [
    ['Received', <Time ms={item.receivedMs} as="full" />],
    ['Function', <a href={href(['function', ...item.function.split('/')])}>{item.function}</a>],
    ['Route', <code>{item.route}</code>],
    ['Host', item.host],
    ['Deployment', <code title={item.deployment}>{shortId(item.deployment)}</code>],
    ['Environment', item.environment],
    ['Instance', item.instance === null ? 'none' : <code title={item.instance}>{shortId(item.instance)}</code>],
    ['Start', item.start ?? 'none'],
    ['Duration', duration(item.durationMs)],
    ['First byte', duration(item.ttfbMs)],
    ['Active CPU', duration(item.cpuUs / 1000)],
    ['Memory', `${item.memoryMiB} MiB`],
    ['Body', `${bytes(item.requestBytes)} in, ${bytes(item.responseBytes)} out`],
    ['Refusals', item.refusals],
    ...(item.traceId === null ? [] : [['Trace', <code>{shortId(item.traceId)}</code>] as const]),
  ] as const;

function Waterfall({ invocation }: { readonly invocation: InvocationResource }) {
  const spans = spansOf(invocation.phases);
  const allUs = Math.max(1, invocation.phases.settledUs);
  return (
    <Card title="Phases" note={`${duration(allUs / 1000)} from received to settled`}>
      <p class="shares">{sharesOf(invocation)}</p>
      <ol class="waterfall">
        {spans.map((span) => (
          <Phase key={span.name} span={span} allUs={allUs} />
        ))}
      </ol>
      <p class="waterfall-scale note" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part}>{duration((allUs * part) / 1000)}</span>
        ))}
      </p>
    </Card>
  );
}

/** Whose time it was: the scale of the waterfall is that of user code, beside which Weir's own part is hardly seen. */
function sharesOf({ phases }: InvocationResource): string {
  const { resolvedUs, placedUs, begunUs, answeredUs, settledUs } = phases;
  const waitedUs = placedUs === null ? 0 : placedUs - resolvedUs;
  const ranUs = begunUs === null || answeredUs === null ? 0 : answeredUs - begunUs;
  const ownUs = settledUs - waitedUs - ranUs;
  const text = (us: number) => duration(us / 1000);
  return `User code had ${text(ranUs)}, waiting for an instance took ${text(waitedUs)}, all that is Weir's ${text(ownUs)}.`;
}

function Phase({ span, allUs }: { readonly span: Span; readonly allUs: number }) {
  const passed = span.endUs !== null;
  const style = {
    left: `${(span.startUs / allUs) * 100}%`,
    width: `${(((span.endUs ?? span.startUs) - span.startUs) / allUs) * 100}%`,
  };
  return (
    <li class={passed ? '' : 'passed-by'}>
      <span class="phase-name">{span.name}</span>
      <span class="phase-track" aria-hidden="true">
        {passed && <i class={span.color} style={style} />}
      </span>
      <span class="phase-time">{passed ? duration(((span.endUs ?? 0) - span.startUs) / 1000) : '–'}</span>
      <span class="phase-text note">{passed ? span.text : span.missing}</span>
    </li>
  );
}
