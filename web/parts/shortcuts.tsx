import { useEffect, useState } from 'preact/hooks';
import { goTo } from '../address.ts';
import { nowMs } from '../clock.ts';
import { Dialog } from './action.tsx';

const places: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  o: ['Overview', []],
  d: ['Deployments', ['deployments']],
  l: ['Logs', ['logs']],
  i: ['Invocations', ['invocations']],
  u: ['Usage', ['usage']],
  s: ['Settings', ['settings']],
};

/** After `g`, the place's letter within so long. */
const pairMs = 1500;

/** `g o` goes to the overview; `/` to the page's search; `?` shows all. */
export function Shortcuts() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    let pressedMs = -Infinity;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      const place = places[event.key];
      if (place !== undefined && nowMs() - pressedMs < pairMs) goTo(place[1]);
      pressedMs = event.key === 'g' ? nowMs() : -Infinity;
      if (event.key === '?') setOpen(true);
      if (event.key !== '/') return;
      const search = document.querySelector<HTMLElement>('input[type=search]');
      if (search !== null) event.preventDefault();
      search?.focus();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  if (!open) return null;
  return (
    <Dialog title="Keys" close={() => setOpen(false)}>
      <dl class="keys">
        {Object.entries(places).map(([key, [title]]) => (
          <div key={key}>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>/</kbd>
          </dt>
          <dd>Search on this page</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Close</dd>
        </div>
      </dl>
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={() => setOpen(false)}>
          Close
        </button>
      </footer>
    </Dialog>
  );
}

const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.matches('input, select, textarea') || target.closest('dialog') !== null);
