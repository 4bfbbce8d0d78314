// What happens now, second by second: one stream for all pages.
import type { LiveFunction, Now } from '../src/api/observed.ts';
import { followEvents } from './events.ts';
import type { Connection } from './events.ts';
import { store } from './store.ts';

/** Seconds that charts of the present show. */
export const keptS = 120;

export interface Live {
  readonly connection: Connection;
  readonly now: Now | null;
  /** Oldest first. */
  readonly past: readonly Now[];
}

export const live = store<Live>({ connection: 'connecting', now: null, past: [] });

export function followLive(): () => void {
  return followEvents(
    'nowEvents',
    {},
    {
      event({ type, data }) {
        if (type !== 'now') return;
        const now = JSON.parse(data) as Now;
        const past = live.get().past.filter(({ atMs }) => atMs > now.atMs - keptS * 1000 && atMs < now.atMs);
        live.set({ connection: 'open', now, past: [...past, now] });
      },
      state: (connection) => live.set({ ...live.get(), connection }),
    },
  );
}

/** All deployments of one function at a moment; the one that is live first. */
export const versionsOf = (now: Now, label: string): readonly LiveFunction[] =>
  now.functions.filter((item) => item.label === label).toSorted((a, b) => Number(b.isLive) - Number(a.isLive));
