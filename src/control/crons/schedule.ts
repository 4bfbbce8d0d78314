import { Cron } from 'croner';

/** When a cron is due. In UTC, to the minute. */
export interface Schedule {
  /** The first time after that; null: there is none. */
  after(ms: number): number | null;
  /** The last time until then, it included; null: there is none. */
  until(ms: number): number | null;
}

/**
 * croner answers when, and nothing else: it has no timers here. Builds refuse what is no schedule; one that is kept since
 * before they did is never due.
 */
export function scheduleOf(text: string): Schedule {
  let cron: Cron;
  try {
    cron = new Cron(text.trim(), { mode: '5-part', utcOffset: 0, sloppyRanges: true, paused: true });
  } catch {
    return { after: () => null, until: () => null };
  }
  return {
    after: (ms) => cron.nextRun(new Date(ms))?.getTime() ?? null,
    // What croner calls previous is before that, not until it: the minute after is given.
    until: (ms) => cron.previousRuns(1, new Date((Math.floor(ms / 60_000) + 1) * 60_000))[0]?.getTime() ?? null,
  };
}
