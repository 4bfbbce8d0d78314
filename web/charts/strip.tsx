import { useEffect, useRef } from 'preact/hooks';
import type { LiveFunction, Now } from '../../src/api/observed.ts';
import { bytes, duration, plural, shortId } from '../format.ts';
import { keptS } from '../live.ts';
import { Badge } from '../parts/basics.tsx';
import { useStore } from '../store.ts';
import { colorOf, faded, shade } from '../theme.ts';
import { fit } from './water.tsx';

type Instance = LiveFunction['instances'][number];
/** Of an instance in a second: how much of its limit is used; null: it was not there. */
interface Second {
  readonly part: number | null;
  readonly inFlight: number;
  readonly isPaused: boolean;
}

const rowsSeen = 24;

/** How full every instance was, second by second: a row each. */
export function HeatStrip({ past, of }: { readonly past: readonly Now[]; readonly of: LiveFunction }) {
  const rows = of.instances.slice(0, rowsSeen);
  return (
    <div class="strip">
      <ul>
        {rows.map((instance) => (
          <StripRow key={instance.id} instance={instance} seconds={secondsOf(past, of.id, instance.id)} />
        ))}
      </ul>
      {of.instances.length > rows.length && (
        <p class="note">and {plural(of.instances.length - rows.length, 'more instance')}</p>
      )}
      <p class="strip-scale note">
        <span>2 min ago</span>
        <span class="scale">
          empty <i class="scale-bar" /> at its limit <i class="swatch sand" /> paused
        </span>
        <span>now</span>
      </p>
    </div>
  );
}

const secondsOf = (past: readonly Now[], functionId: string, instanceId: string): readonly Second[] =>
  past.map(({ functions }) => {
    const found = functions.find(({ id }) => id === functionId)?.instances.find(({ id }) => id === instanceId);
    if (found === undefined) return { part: null, inFlight: 0, isPaused: false };
    const part = found.inFlight / Math.max(1, found.limit ?? found.inFlight);
    return { part, inFlight: found.inFlight, isPaused: found.paused !== null };
  });

function StripRow({ instance, seconds }: { readonly instance: Instance; readonly seconds: readonly Second[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shades = useStore(shade);
  useEffect(() => {
    const context = canvas.current?.getContext('2d') ?? null;
    if (canvas.current !== null && context !== null) drawRow(canvas.current, context, seconds);
  }, [seconds, shades]);
  const most = Math.max(...seconds.map(({ inFlight }) => inFlight));
  const label = `${instance.inFlight} of ${instance.limit ?? 'no limit'} in flight now, ${most} at most in two minutes`;
  return (
    <li class="strip-row">
      <span class="strip-name">
        <code title={`${instance.id}, process ${instance.pid ?? 'unknown'}`}>{shortId(instance.id)}</code>
        {instance.state !== 'ready' && <Badge tone="calm">{instance.state}</Badge>}
        {instance.paused !== null && <Badge tone="warn">paused: {instance.paused}</Badge>}
      </span>
      <canvas ref={canvas} class="strip-canvas" role="img" aria-label={label} />
      <span class="strip-now">
        <b>{instance.inFlight}</b> of {instance.limit ?? '∞'}
      </span>
      <span class="strip-facts note" title={`Delay of its loop: ${duration(instance.loopDelayMs)}`}>
        {instance.cpuPercent === null ? '' : `${Math.round(instance.cpuPercent)} % CPU · `}
        {bytes(instance.usedBytes)}
      </span>
    </li>
  );
}

function drawRow(element: HTMLCanvasElement, context: CanvasRenderingContext2D, seconds: readonly Second[]): void {
  const { width, height } = fit(element, context);
  const [water, sand, line] = [colorOf('water'), colorOf('sand'), colorOf('line')];
  context.clearRect(0, 0, width, height);
  const stepPx = width / keptS;
  const firstX = width - seconds.length * stepPx;
  // On whole pixels of the screen: no seams.
  const edge = (index: number) => Math.round((firstX + index * stepPx) * devicePixelRatio) / devicePixelRatio;
  for (const [index, { part, isPaused }] of seconds.entries()) {
    if (part === null) continue;
    context.fillStyle = isPaused ? sand : part === 0 ? line : faded(water, 0.14 + 0.86 * Math.min(1, part));
    context.fillRect(edge(index), 0, edge(index + 1) - edge(index), height);
  }
}
