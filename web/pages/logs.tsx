import { useEffect, useState } from 'preact/hooks';
import type { LogLine } from '../../src/api/observed.ts';
import { replaceQuery } from '../address.ts';
import type { Address } from '../address.ts';
import type { Failure } from '../api.ts';
import { after } from '../clock.ts';
import { followEvents } from '../events.ts';
import type { Connection } from '../events.ts';
import { plural } from '../format.ts';
import { Card, Empty, FailureNote, PageHead, Select, Waiting } from '../parts/basics.tsx';
import { LogLines } from '../parts/log-lines.tsx';
import { FunctionSelect } from './invocations.tsx';

const levels = [
  { value: '', label: 'All levels' },
  { value: 'info', label: 'Info and above' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors' },
];
const keptLines = 600;
/** Lines of so long are shown together: a flood does not stop the page. */
const batchMs = 100;

export function Logs({ address }: { readonly address: Address }) {
  const { function: label = '', level = '', text = '' } = address.query;
  const tail = useTail({ label, level, text });
  // What is looked at stands still; what comes meanwhile is counted.
  const [held, setHeld] = useState<Tail | null>(null);
  useEffect(() => setHeld(null), [label, level, text]);
  const newer = held === null ? 0 : tail.count - held.count;
  return (
    <>
      <PageHead title="Logs" note={tail.connection === 'open' ? 'As they are written.' : 'Connecting…'}>
        <FunctionSelect value={label} onChoose={(value) => replaceQuery(address, { function: value })} />
        <Select
          label="Level"
          choices={levels}
          value={level}
          onChoose={(value) => replaceQuery(address, { level: value })}
        />
        <Search value={text} onSearch={(value) => replaceQuery(address, { text: value })} />
        <button
          type="button"
          class="button"
          aria-pressed={held !== null}
          onClick={() => setHeld(held === null ? tail : null)}
        >
          {held !== null ? 'Go on' : 'Hold'}
        </button>
      </PageHead>
      {tail.failure !== null && <FailureNote failure={tail.failure} />}
      <Card class="flush log-card">
        {newer > 0 && <p class="log-newer">{plural(newer, 'newer line')}</p>}
        <Lines lines={(held ?? tail).lines} connection={tail.connection} filtered={`${label}${level}${text}` !== ''} />
      </Card>
    </>
  );
}

function Lines({
  lines,
  connection,
  filtered,
}: {
  readonly lines: readonly LogLine[];
  readonly connection: Connection;
  readonly filtered: boolean;
}) {
  if (lines.length === 0 && connection !== 'open') return <Waiting rows={12} />;
  if (lines.length > 0) {
    return (
      <div class="log-box" tabIndex={0} role="log" aria-label="Log" aria-live="off">
        <LogLines lines={lines} withFunction />
      </div>
    );
  }
  return (
    <Empty title={filtered ? 'No line is like that.' : 'Nothing was logged yet.'} icon="logs">
      <p>
        {filtered
          ? 'New ones appear as they come; or ask for less in particular.'
          : 'What functions write by console.log, to stdout or stderr appears here.'}
      </p>
    </Empty>
  );
}

function Search({ value, onSearch }: { readonly value: string; readonly onSearch: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => (text === value ? undefined : after(250, () => onSearch(text))), [text]);
  return (
    <label class="field-inline">
      <span class="unseen">Text in the line</span>
      <input
        type="search"
        placeholder="Text in the line  /"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  );
}

interface Filter {
  readonly label: string;
  readonly level: string;
  readonly text: string;
}
interface Tail {
  /** The newest first. */
  readonly lines: readonly LogLine[];
  /** That came in all. */
  readonly count: number;
  readonly connection: Connection;
  readonly failure: Failure | null;
}
const nothing: Tail = { lines: [], count: 0, connection: 'connecting', failure: null };

function useTail({ label, level, text }: Filter): Tail {
  const [tail, setTail] = useState<Tail>(nothing);
  useEffect(() => {
    setTail(nothing);
    let batch: LogLine[] = [];
    let cancel: (() => void) | null = null;
    const show = () => {
      const came = batch.toReversed();
      batch = [];
      cancel = null;
      setTail((before) => ({
        ...before,
        lines: [...came, ...before.lines].slice(0, keptLines),
        count: before.count + came.length,
      }));
    };
    const query = {
      tail: 200,
      ...(label !== '' && { function: label }),
      ...(text !== '' && { text }),
      ...(isLevel(level) && { level }),
    };
    const stop = followEvents(
      'logEvents',
      { query },
      {
        event({ type, data }) {
          if (type !== 'line') return;
          batch.push(JSON.parse(data) as LogLine);
          cancel ??= after(batchMs, show);
        },
        state: (connection, failure) => setTail((before) => ({ ...before, connection, failure })),
      },
    );
    return () => {
      stop();
      cancel?.();
    };
  }, [label, level, text]);
  return tail;
}

const isLevel = (value: string): value is LogLine['level'] => ['debug', 'info', 'warn', 'error'].includes(value);
