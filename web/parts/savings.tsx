import { useEffect, useRef, useState } from 'preact/hooks';
import type { Now } from '../../src/api/observed.ts';
import { eachFrame, nowMs, prefersStill } from '../clock.ts';
import { date, money, percent, short } from '../format.ts';

/** What was not paid, and what of memory was not held, since the platform was started. */
export function Savings({ now }: { readonly now: Now | null }) {
  const cost = now?.since.cost;
  const saved = useRolling(cost?.savedUsd ?? 0);
  const gbHours = useRolling(now?.since.savedGbHours ?? 0);
  // The last digits move all the time, and count for little: they are set smaller.
  const digits = gbHours >= 1000 ? 1 : gbHours >= 10 ? 2 : 4;
  const [dollars = '0', cents = ''] = Math.abs(saved).toFixed(6).split('.');
  return (
    <div class="savings">
      <p class="savings-label">
        {saved < 0 ? 'Spent beyond one invocation an instance' : 'Saved by sharing instances'}
      </p>
      <p class="savings-money" aria-label={money(cost?.savedUsd)}>
        ${Number(dollars).toLocaleString('en')}.{cents.slice(0, 2)}
        <small>{cents.slice(2)}</small>
      </p>
      <p class="savings-note">
        <b>{gbHours.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits })}</b> GB-hours
        of memory not held
        {now === null ? '' : `, since ${date(now.since.startedMs)}`}
      </p>
      <Compared
        ours={cost?.totalUsd ?? 0}
        theirs={cost?.onePerInstanceUsd ?? 0}
        savedPercent={cost?.savedPercent ?? 0}
      />
    </div>
  );
}

function Compared({
  ours,
  theirs,
  savedPercent,
}: {
  readonly ours: number;
  readonly theirs: number;
  readonly savedPercent: number;
}) {
  const most = Math.max(ours, theirs, Number.MIN_VALUE);
  return (
    <div class="compared">
      <dl>
        <div>
          <dt>Weir</dt>
          <dd>
            <i class="water" style={{ width: `${(ours / most) * 100}%` }} />
            <b>{money(ours)}</b>
          </dd>
        </div>
        <div>
          <dt>One per instance</dt>
          <dd>
            <i class="dry" style={{ width: `${(theirs / most) * 100}%` }} />
            <b>{money(theirs)}</b>
          </dd>
        </div>
      </dl>
      <p class="savings-percent">
        {savedPercent >= 0 ? `${percent(savedPercent)} less` : `${percent(-savedPercent)} more`}
        <span class="unseen"> than {short(theirs)} dollars</span>
      </p>
    </div>
  );
}

const rollMs = 950;

/** Moves to its new value in the second until the next one comes: the counter runs. With reduced motion it is set. */
function useRolling(target: number): number {
  const [shown, setShown] = useState(target);
  const from = useRef(target);
  from.current = shown;
  useEffect(() => {
    const start = from.current;
    // From nothing to the first value there is nothing to be seen.
    if (start === 0 || start === target || prefersStill()) {
      setShown(target);
      return undefined;
    }
    const startedMs = nowMs();
    const stop = eachFrame(() => {
      const part = Math.min(1, (nowMs() - startedMs) / rollMs);
      setShown(start + (target - start) * part);
      if (part === 1) stop();
    });
    return stop;
  }, [target]);
  return shown;
}
