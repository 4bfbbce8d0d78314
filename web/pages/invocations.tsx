import { useEffect, useState } from 'preact/hooks';
import type { InvocationResource } from '../../src/api/observed.ts';
import { replaceQuery } from '../address.ts';
import type { Address } from '../address.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { live } from '../live.ts';
import { Card, Empty, FailureNote, PageHead, Select, Waiting } from '../parts/basics.tsx';
import { InvocationTable } from '../parts/invocation-table.tsx';
import { useStore } from '../store.ts';

const outcomes = [
  { value: '', label: 'Any outcome' },
  { value: 'failed', label: 'Failed' },
  { value: '2xx', label: '2xx' },
  { value: '4xx', label: '4xx' },
  { value: '5xx', label: '5xx' },
];
const starts = [
  { value: '', label: 'Any start' },
  { value: 'cold', label: 'Cold' },
  { value: 'prewarmed', label: 'Prewarmed' },
  { value: 'warm', label: 'Warm' },
];
const durations = [
  { value: '', label: 'Any duration' },
  { value: '100', label: 'Over 100 ms' },
  { value: '1000', label: 'Over 1 s' },
  { value: '10000', label: 'Over 10 s' },
];

function queryOf({ query }: Address) {
  const { function: label, outcome, slower } = query;
  const start = (['cold', 'prewarmed', 'warm'] as const).find((value) => value === query['start']);
  return {
    limit: 50,
    ...(label !== undefined && { function: label }),
    ...(outcome === 'failed' && { failed: 'true' as const }),
    ...(outcome !== undefined && outcome !== 'failed' && { status: outcome }),
    ...(start !== undefined && { start }),
    ...(slower !== undefined && { slowerThanMs: Number(slower) }),
  };
}

export function Invocations({ address }: { readonly address: Address }) {
  const query = queryOf(address);
  const first = useAsked('invocations', { query }, 5000);
  const chosen = (name: string) => address.query[name] ?? '';
  const choose = (name: string) => (value: string) => replaceQuery(address, { [name]: value });
  return (
    <>
      <PageHead title="Invocations" note="The newest first. Each opens as a waterfall of its phases.">
        <FunctionSelect value={chosen('function')} onChoose={choose('function')} />
        <Select label="Outcome" choices={outcomes} value={chosen('outcome')} onChoose={choose('outcome')} />
        <Select label="Start" choices={starts} value={chosen('start')} onChoose={choose('start')} />
        <Select label="Duration" choices={durations} value={chosen('slower')} onChoose={choose('slower')} />
      </PageHead>
      {first.failure !== null && <FailureNote failure={first.failure} again={first.again} />}
      <Card class="flush">
        {first.data === null ? (
          <Waiting rows={10} />
        ) : (
          <Pages key={JSON.stringify(query)} first={first.data} query={query} />
        )}
      </Card>
    </>
  );
}

interface PagesProps {
  readonly first: { readonly items: readonly InvocationResource[]; readonly next: string | null };
  readonly query: ReturnType<typeof queryOf>;
}

/** The first page goes on by itself; older ones are asked for, and stay. */
function Pages({ first, query }: PagesProps) {
  const [older, setOlder] = useState<readonly InvocationResource[]>([]);
  const [next, setNext] = useState(first.next);
  const doing = useDoing();
  useEffect(() => {
    if (older.length === 0) setNext(first.next);
  }, [first.next]);
  const known = new Set(first.items.map(({ id }) => id));
  const items = [...first.items, ...older.filter(({ id }) => !known.has(id))];
  const more = () =>
    doing.run(async () => {
      const page = await call('invocations', { query: { ...query, ...(next !== null && { cursor: next }) } });
      // What the first page pushed out meanwhile is kept with the older ones.
      setOlder([...(older.length === 0 ? first.items : older), ...page.items]);
      setNext(page.next);
    });
  return (
    <>
      {items.length === 0 && next !== null ? (
        // A search looks at so much at a time.
        <Empty title="None so far." icon="invocations">
          <p>Older ones were not looked at yet.</p>
        </Empty>
      ) : (
        <InvocationTable items={items} />
      )}
      {doing.failure !== null && <FailureNote failure={doing.failure} />}
      {next !== null && (
        <p class="more">
          <button type="button" class="button" onClick={more} aria-disabled={doing.busy}>
            Older ones
          </button>
        </p>
      )}
    </>
  );
}

export function FunctionSelect({
  value,
  onChoose,
}: {
  readonly value: string;
  readonly onChoose: (value: string) => void;
}) {
  const { now } = useStore(live);
  const labels = new Set(now?.functions.map(({ label }) => label));
  if (value !== '') labels.add(value);
  const choices = [...labels].toSorted().map((label) => ({ value: label, label }));
  return (
    <Select
      label="Function"
      choices={[{ value: '', label: 'All functions' }, ...choices]}
      value={value}
      onChoose={onChoose}
    />
  );
}
