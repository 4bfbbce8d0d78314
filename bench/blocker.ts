// `node bench/blocker.ts [--quick] [--seconds N]`, or `npm run bench -- --only blocker`
// A server with two routes: one waits, the other blocks the loop at random. What the first one notices of it.
import { seededRandom } from '../src/base/random.ts';
import type { Random } from '../src/base/random.ts';
import { burnSource, roundsFor } from './fluid/burn.ts';
import { atTimes, latencyOf } from './fluid/generator.ts';
import type { Answer, Arrival } from './fluid/generator.ts';
import { optionsOf } from './fluid/options.ts';
import { othersSince } from './fluid/others.ts';
import { functionOf } from './fluid/platform.ts';
import type { FunctionView } from './fluid/platform.ts';
import { ended, interruption, sleep } from './fluid/processes.ts';
import { section } from './report.ts';
import type { Row, Section } from './report.ts';
import { weir } from './targets.ts';

const waitMs = 20;
const blockMs = 500;
/** Of the intervals between two blocks, which are exponential; and between two requests to the route that waits. */
const blockEveryMs = 1_500;
const askEveryMs = 1000 / 60;
const seed = 7;

const server = (rounds: number): string => `
import { createServer } from 'node:http';
${burnSource}
createServer((req, res) => {
  if (req.url === '/block') return res.end(String(burn(${rounds})));
  setTimeout(() => res.end('ok'), ${waitMs});
}).listen(3000);`;

/** A Poisson process: exponential intervals with the mean `everyMs`. */
function poisson(path: string, everyMs: number, seconds: number, random: Random): Arrival[] {
  const arrivals: Arrival[] = [];
  const step = 1e9;
  for (let atMs = 0; ;) {
    atMs -= Math.log((random.below(step) + 1) / step) * everyMs;
    if (atMs >= seconds * 1000) return arrivals;
    arrivals.push({ atMs, path });
  }
}

/** For four parts of `seconds` with the blocker, after three parts without. */
export async function blocker(seconds: number): Promise<Section[]> {
  const signal = interruption();
  const target = await weir({ name: 'Weir blocker', files: { 'server.js': server(roundsFor(blockMs)) }, probe: '/io' });
  try {
    const random = seededRandom(seed);
    const load = (arrivals: readonly Arrival[]): Promise<Answer[]> => atTimes(target.origin, arrivals, signal);
    const asks = (forSeconds: number): Arrival[] => poisson('/io', askEveryMs, forSeconds, random);
    await sleep(1_000, signal);
    // Engines optimise what is measured.
    await load(asks(Math.min(3, seconds)));
    const others = othersSince();
    const quiet = await load(asks((seconds * 3) / 4));
    const mixed = [...asks(seconds), ...poisson('/block', blockEveryMs, seconds, random)].toSorted(
      (a, b) => a.atMs - b.atMs,
    );
    const answers = await load(mixed);
    const othersShare = others();
    const of = (path: string): Answer[] => answers.filter((_, index) => mixed[index]!.path === path);
    const view = await functionOf(target.origin, 'server');
    const loads = [
      ['/io alone', quiet],
      ['/io beside /block', of('/io')],
      ['/io beside /block, second half', of('/io').filter(({ atMs }) => atMs >= seconds * 500)],
      ['/block', of('/block')],
    ] as const;
    const alone = latencyOf(quiet).p99Ms;
    const rows = loads.map(([name, answers]) => row(name, answers, alone));
    return [
      section(
        `A route that waits ${waitMs} ms, and one that blocks ${blockMs} ms at random`,
        rows,
        note(view, othersShare),
      ),
    ];
  } finally {
    await ended(target);
  }
}

function row(name: string, answers: readonly Answer[], aloneMs: number): Row {
  const { count, failed, p50Ms, p99Ms, maxMs } = latencyOf(answers);
  return {
    load: name,
    requests: String(count),
    failed: String(failed),
    'p50 ms': p50Ms,
    'p99 ms': p99Ms,
    'max ms': maxMs,
    'p99 ÷ alone': name.startsWith('/io') ? p99Ms / aloneMs : Number.NaN,
  };
}

function note(view: FunctionView | null, othersShare: number): string {
  const nacks = Object.entries(view?.nacks ?? {}).map(([reason, count]) => `${count} × ${reason}`);
  return (
    `One server, one function. /io: ${Math.round(1000 / askEveryMs)}/s; /block: one in ${blockEveryMs} ms on average, ${blockMs} ms of ` +
    'CPU each; both Poisson, with a fixed seed, open loop. ' +
    `Instances at the end: ${view?.instances.length ?? 0}. Refused, recalled or lost before they began: ${nacks.join(', ') || 'none'}. ` +
    `Others used ${(othersShare * 100).toFixed(0)} % of the processors meanwhile.`
  );
}

if (import.meta.main) {
  const { seconds } = optionsOf('node bench/blocker.ts [--quick] [--seconds N]', {
    parts: ['blocker'],
    seconds: 20,
    quickSeconds: 4,
    mostSeconds: 600,
    traceFile: '',
  });
  for (const { text } of await blocker(seconds)) console.log(text);
}
