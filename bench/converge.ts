// `node bench/converge.ts [--quick] [--seconds N] [--only half,wait,burn]`, or `npm run bench -- --only converge`
// How soon the limit of an instance finds itself, and how still it stands then: real functions, more demand than they serve.
import { burnSource, roundsFor } from './fluid/burn.ts';
import { inTurn, latencyOf } from './fluid/generator.ts';
import type { Answer } from './fluid/generator.ts';
import { optionsOf } from './fluid/options.ts';
import { othersSince } from './fluid/others.ts';
import { explanationOf } from './fluid/platform.ts';
import { ended, interruption, sleep } from './fluid/processes.ts';
import { section } from './report.ts';
import type { Row, Section } from './report.ts';
import { weir } from './targets.ts';

interface Subject {
  readonly title: string;
  readonly connections: number;
  /** The body of its handler. */
  source(rounds: number): string;
  /** Where the limit is to come out; null: it is asked how many are in flight in one instance. */
  readonly limit: number | null;
}

/** CPU of one request, where it computes. */
const burnMs = 50;
const manyInFlight = 100;

const pause = (ms: number): string => `await new Promise((resolve) => setTimeout(resolve, ${ms}));`;
const subjects: Readonly<Record<string, Subject>> = {
  half: {
    title: `${burnMs} ms CPU + 50 ms wait`,
    connections: 24,
    source: (rounds) => `burn(${rounds}); ${pause(50)}`,
    limit: 2,
  },
  wait: { title: '1 s wait', connections: 400, source: () => pause(1_000), limit: null },
  burn: { title: `${burnMs} ms CPU`, connections: 12, source: (rounds) => `burn(${rounds});`, limit: 1 },
};

export const convergeParts = Object.keys(subjects);

/** One look at the instances that have work. */
interface Look {
  readonly atMs: number;
  readonly instances: readonly { readonly limit: number; readonly inFlight: number }[];
}

/** Each of `parts` on a platform of its own, from nothing, for `seconds`. */
export async function converge(parts: readonly string[], seconds: number): Promise<Section[]> {
  const rounds = roundsFor(burnMs);
  const rows: Row[] = [];
  for (const part of parts) rows.push(await measured(part, subjects[part]!, rounds, seconds));
  return [
    section(
      'The limit of an instance finds itself',
      rows,
      `${seconds} s of a closed loop each, from the first request to a function that has no instance. Limits are those of instances ` +
        'with work, looked at five times a second. Reached: the first time that all of them are there, for the function that ' +
        `waits the first time that one instance has ${manyInFlight} in flight. Within ±1 from: never further from it after that.`,
    ),
  ];
}

async function measured(part: string, subject: Subject, rounds: number, seconds: number): Promise<Row> {
  const signal = interruption();
  const name = `api/${part}`;
  const source = `${burnSource}
export async function GET() { ${subject.source(rounds)} return new Response('done'); }`;
  const target = await weir({
    name: `Weir converges ${part}`,
    files: {
      [`${name}.js`]: source,
      'weir.json': JSON.stringify({ functions: { [`${name}.js`]: { memory: 512 } } }),
    },
    probe: '/_weir/status',
  });
  const enough = new AbortController();
  try {
    // Stems boot.
    await sleep(2_000, signal);
    const looking = looks(target.origin, name, enough.signal);
    // What goes wrong while looking ends the load, and is told when both have ended.
    looking.catch((error: unknown) => enough.abort(error));
    const load = { connections: subject.connections, seconds, signal: AbortSignal.any([signal, enough.signal]) };
    const others = othersSince();
    const answers = await inTurn(target.origin, { path: `/${name}` }, load);
    const othersPercent = others() * 100;
    enough.abort();
    const measured = row(subject, answers, await looking, seconds);
    return { ...measured, 'processors used by others, %': othersPercent };
  } finally {
    enough.abort();
    await ended(target);
  }
}

async function looks(origin: string, name: string, enough: AbortSignal): Promise<Look[]> {
  const startedMs = performance.now();
  const all: Look[] = [];
  while (!enough.aborted) {
    const explained = await explanationOf(origin, name);
    const instances = explained?.instances.filter(({ inFlight }) => inFlight > 0) ?? [];
    if (instances.length > 0) all.push({ atMs: performance.now() - startedMs, instances });
    await sleep(200);
  }
  return all;
}

function row(subject: Subject, answers: readonly Answer[], all: readonly Look[], seconds: number): Row {
  const { limit: sought } = subject;
  const latency = latencyOf(answers);
  const limits = (from: readonly Look[]): number[] =>
    from.flatMap(({ instances }) => instances.map(({ limit }) => limit));
  const most = (look: Look): number => Math.max(...look.instances.map(({ inFlight }) => inFlight));
  const reached = all.find((look) =>
    sought === null ? most(look) >= manyInFlight : look.instances.every(({ limit }) => limit === sought),
  );
  const astray = all.findLast(
    (look) => sought !== null && look.instances.some(({ limit }) => Math.abs(limit - sought) > 1),
  );
  const still = all[astray === undefined ? 0 : all.indexOf(astray) + 1];
  const later = limits(all.filter(({ atMs }) => atMs >= 5_000));
  return {
    function: subject.title,
    connections: String(subject.connections),
    sought: sought === null ? `≥ ${manyInFlight} in flight` : `limit ${sought}`,
    'reached after, s': (reached?.atMs ?? Number.NaN) / 1000,
    'within ±1 from, s': sought === null ? Number.NaN : (still?.atMs ?? Number.NaN) / 1000,
    'limits after 5 s': later.length === 0 ? '–' : `${Math.min(...later)} to ${Math.max(...later)}`,
    'in one instance, most': String(Math.max(0, ...all.map(most))),
    'instances, most': String(Math.max(0, ...all.map(({ instances }) => instances.length))),
    'requests/s': (latency.count - latency.failed) / seconds,
    'p50 ms': latency.p50Ms,
    'p99 ms': latency.p99Ms,
    failed: String(latency.failed),
  };
}

if (import.meta.main) {
  const { only, seconds } = optionsOf('node bench/converge.ts [--quick] [--seconds N] [--only half,wait,burn]', {
    parts: convergeParts,
    seconds: 20,
    quickSeconds: 5,
    mostSeconds: 600,
    traceFile: '',
  });
  for (const { text } of await converge(only, seconds)) console.log(text);
}
