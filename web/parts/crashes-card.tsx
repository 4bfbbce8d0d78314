import { useState } from 'preact/hooks';
import type { CrashResource } from '../../src/api/observed.ts';
import { href } from '../address.ts';
import { useAsked } from '../asking.ts';
import { bytes, duration, plural, shortId } from '../format.ts';
import { Dialog } from './action.tsx';
import { Badge, Card, Facts, Time } from './basics.tsx';

/** Crashes of the last day; nothing where there were none. They come after the page, and stand below what is read first. */
export function CrashesCard({ label }: { readonly label?: string }) {
  const query = { from: '24h', limit: 8, ...(label !== undefined && { function: label }) };
  const { data } = useAsked('crashes', { query }, 15_000);
  const [shown, setShown] = useState<CrashResource | null>(null);
  if (data === null || data.items.length === 0) return null;
  const more = data.next !== null;
  return (
    <Card
      title="Crashes"
      note={`${more ? `the last ${data.items.length}` : plural(data.items.length, 'instance')} in 24 hours`}
      class="flush crashes"
    >
      <div class="scroll" tabIndex={0} role="region" aria-label="Crashes">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">{label === undefined ? 'Function' : 'Instance'}</th>
              <th scope="col">Why</th>
              <th scope="col">Exit</th>
              <th scope="col">Caused by</th>
              <th scope="col" class="number">
                Lost
              </th>
              <th scope="col">
                <span class="unseen">Stack</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((item) => (
              <Row key={item.id} item={item} isOfFunction={label !== undefined} open={() => setShown(item)} />
            ))}
          </tbody>
        </table>
      </div>
      {shown !== null && <Crash item={shown} close={() => setShown(null)} />}
    </Card>
  );
}

interface RowProps {
  readonly item: CrashResource;
  readonly isOfFunction: boolean;
  readonly open: () => void;
}

function Row({ item, isOfFunction, open }: RowProps) {
  return (
    <tr>
      <td>
        <Time ms={item.atMs} />
      </td>
      <th scope="row">
        {isOfFunction ? (
          <code title={item.instance}>{shortId(item.instance)}</code>
        ) : (
          <a href={href(['function', ...item.function.split('/')])}>{item.function}</a>
        )}
      </th>
      <td>{item.reason}</td>
      <td>
        <Badge tone="bad">{exitOf(item)}</Badge>
      </td>
      <td>
        <Blamed item={item} />
      </td>
      <td class="number">{item.lost.length}</td>
      <td class="number">
        <button type="button" class="button" onClick={open} aria-label={`Stack of crash ${item.id}`}>
          Stack
        </button>
      </td>
    </tr>
  );
}

const exitOf = ({ signal, exitCode }: CrashResource): string => signal ?? (exitCode === null ? '–' : `${exitCode}`);

function Blamed({ item }: { readonly item: CrashResource }) {
  if (item.invocation === null) return <span class="note">not known</span>;
  return (
    <a href={href(['invocation', item.invocation])}>
      <code>{shortId(item.invocation)}</code>
    </a>
  );
}

function Crash({ item, close }: { readonly item: CrashResource; readonly close: () => void }) {
  return (
    <Dialog title={item.reason} close={close}>
      <div class="dialog-text">
        <Facts
          items={[
            ['When', <Time ms={item.atMs} as="full" />],
            ['Function', item.function],
            ['Instance', <code>{item.instance}</code>],
            ['Exit', exitOf(item)],
            ['Caused by', <Blamed item={item} />],
            ['Lost with it', plural(item.lost.length, 'invocation')],
            ['Memory, CPU', `${bytes(item.memoryBytes)}, ${duration(item.cpuMs)} in ${duration(item.ageMs)}`],
          ]}
        />
        {item.stack === null ? (
          <p class="note">No stack was left.</p>
        ) : (
          <pre class="stack" tabIndex={0} aria-label="Stack">
            {item.stack}
          </pre>
        )}
      </div>
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </footer>
    </Dialog>
  );
}
