import type { InvocationResource } from '../../src/api/observed.ts';
import { href } from '../address.ts';
import { duration } from '../format.ts';
import { Badge, Empty, Time } from './basics.tsx';
import type { Tone } from './basics.tsx';

export function statusTone(status: number | null): Tone {
  if (status === null || status >= 500) return 'bad';
  return status >= 400 ? 'warn' : 'good';
}

/** `slim`: beside something else. */
export function InvocationTable({
  items,
  slim = false,
}: {
  readonly items: readonly InvocationResource[];
  readonly slim?: boolean;
}) {
  if (items.length === 0) {
    return (
      <Empty title="No invocation is known." icon="invocations">
        <p>Call the function, or let more in with the filters.</p>
      </Empty>
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Invocations">
      <table class="invocations">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Request</th>
            {!slim && <th scope="col">Function</th>}
            <th scope="col">Status</th>
            <th scope="col">Start</th>
            <th scope="col" class="number">
              Duration
            </th>
            {!slim && (
              <th scope="col" class="number">
                First byte
              </th>
            )}
            <th scope="col" class="number">
              CPU
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <Row key={item.id} item={item} slim={slim} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ item, slim }: { readonly item: InvocationResource; readonly slim: boolean }) {
  return (
    <tr>
      <td>
        <Time ms={item.receivedMs} as="clock" />
      </td>
      <th scope="row">
        <a href={href(['invocation', item.id])}>
          <span class="method">{item.method}</span> {item.path}
        </a>
      </th>
      {!slim && <td>{item.function}</td>}
      <td>
        <Badge tone={statusTone(item.status)}>{item.status ?? item.outcome}</Badge>
      </td>
      <td class={item.start === 'cold' ? 'cold' : 'note'}>{item.start ?? '–'}</td>
      <td class="number">{duration(item.durationMs)}</td>
      {!slim && <td class="number">{duration(item.ttfbMs)}</td>}
      <td class="number">{duration(item.cpuUs / 1000)}</td>
    </tr>
  );
}
