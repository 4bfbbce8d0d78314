// A function that computes, on the same cores: one invocation per instance, against a limit that finds itself.
import { quantile } from '../report.ts';
import type { Row } from '../report.ts';
import { weir } from '../targets.ts';
import type { Target } from '../targets.ts';
import { burnSource, roundsFor } from './burn.ts';
import { inTurn } from './generator.ts';
import type { Answer } from './generator.ts';
import { othersSince } from './others.ts';
import { functionOf } from './platform.ts';
import { ended, sleep } from './processes.ts';

const name = 'api/burn';
const connections = 12;
/** CPU of one request, milliseconds, on this machine when nothing else runs. */
const burnMs = 30;
/** In turn, in an order in which neither is always first, so that the machine's moods hit both alike. */
const order = [0, 1, 1, 0, 1, 0, 0, 1] as const;
const turns = order.length / 2;

const projectFiles = (maxConcurrency: 1 | 'auto', rounds: number): Readonly<Record<string, string>> => ({
  [`${name}.js`]: `${burnSource}
export function GET() { return new Response(String(burn(${rounds}))); }`,
  'weir.json': JSON.stringify({ functions: { [`${name}.js`]: { maxConcurrency, memory: 256 } } }),
});

/** `seconds` of load for each of the two, in turns; their ratio is the last row. */
export async function computeBound(seconds: number, signal: AbortSignal): Promise<{ rows: Row[]; note: string }> {
  const rounds = roundsFor(burnMs);
  const started: Target[] = [];
  try {
    for (const maxConcurrency of [1, 'auto'] as const)
      started.push(
        await weir({
          name: `Weir computes ${maxConcurrency}`,
          files: projectFiles(maxConcurrency, rounds),
          probe: '/_weir/status',
        }),
      );
    await sleep(2_000, signal);
    const answers: Answer[][] = [[], []];
    const load = (target: Target, forSeconds: number): Promise<Answer[]> =>
      inTurn(target.origin, { path: `/${name}` }, { connections, seconds: forSeconds, signal });
    // Instances have started, and engines have optimised what is measured.
    for (const target of started) await load(target, Math.min(5, seconds / 2));
    const othersShares: number[][] = [[], []];
    for (const which of order) {
      const others = othersSince();
      answers[which]!.push(...(await load(started[which]!, seconds / turns)));
      othersShares[which]!.push(others());
    }
    const [one, auto] = (await Promise.all(
      started.map((target, which) => row(target, answers[which]!, othersShares[which]!, seconds)),
    )) as [Row, Row];
    return { rows: [one, auto, ratio(auto, one)], note: note(rounds, seconds) };
  } finally {
    for (const target of started.toReversed()) await ended(target);
  }
}

async function row(
  target: Target,
  answers: readonly Answer[],
  othersShares: readonly number[],
  seconds: number,
): Promise<Row> {
  const tookMs = answers.filter(({ status }) => status === 200).map((answer) => answer.tookMs);
  const view = await functionOf(target.origin, name);
  return {
    instances: target.name.endsWith('auto') ? 'fluid' : 'one per instance',
    'requests/s': tookMs.length / seconds,
    'p50 ms': quantile(tookMs, 0.5),
    'p99 ms': quantile(tookMs, 0.99),
    'max ms': Math.max(...tookMs),
    failed: String(answers.length - tookMs.length),
    'instances at the end': String(view?.instances.length ?? 0),
    'used by others at most, %': Math.max(...othersShares) * 100,
  };
}

function ratio(auto: Row, one: Row): Row {
  const over = (key: string): number => Number(auto[key]) / Number(one[key]);
  return {
    instances: 'fluid ÷ one per instance',
    'requests/s': over('requests/s'),
    'p50 ms': over('p50 ms'),
    'p99 ms': over('p99 ms'),
    'max ms': over('max ms'),
    failed: '',
    'instances at the end': '',
    'used by others at most, %': '',
  };
}

const note = (rounds: number, seconds: number): string =>
  `${connections} connections in a closed loop, ${seconds} s each in ${turns} turns, after a warm-up. A request does a ` +
  `fixed amount of work (SHA-256 of ${((rounds * 4) / 1024).toFixed(0)} MiB): ${burnMs} ms of CPU when nothing else runs. Both ` +
  'platforms run all the time; the one that is not asked idles. Quantiles are over all answers of all turns. Used ' +
  'by others: of the processors, in the worst turn. Much of it makes the comparison worthless: the kernel shares processors ' +
  'among all that want to run, and twelve processes get more beside strangers than the few that are enough.';
