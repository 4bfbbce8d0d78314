// The whole path: the same handler bare, behind nginx and in Weir, in turn.
import { cpuUsBetween, cpuUsOf } from './cpu.ts';
import { hasNginx, load } from './load.ts';
import type { Load } from './load.ts';
import { median, section } from './report.ts';
import type { Row, Section } from './report.ts';
import { direct, limited, nginx, wattpm, weir } from './targets.ts';
import type { Target } from './targets.ts';

export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly wattpm: boolean;
}

interface Sample extends Load {
  readonly cpuUs: number;
}

async function sample(target: Target, path: string, connections: number, seconds: number): Promise<Sample> {
  const pids = target.pids();
  const before = cpuUsOf(pids);
  const result = await load(target.origin + path, connections, seconds);
  if (result.failed > 0) throw new Error(`${target.name}: ${result.failed} requests failed`);
  return { ...result, cpuUs: cpuUsBetween(before, cpuUsOf(pids)) / result.requests };
}

/** Rounds interleaved, every other one backwards, so that the machine's moods hit all alike; medians. */
export async function compare(
  targets: readonly Target[],
  path: string,
  connections: number,
  effort: Effort,
): Promise<Sample[]> {
  const samples = targets.map((): Sample[] => []);
  for (let round = 0; round < effort.rounds; round += 1) {
    const inOrder = [...targets.entries()];
    for (const [index, target] of round % 2 === 0 ? inOrder : inOrder.toReversed()) {
      samples[index]!.push(await sample(target, path, connections, effort.seconds));
    }
  }
  return samples.map((of) => {
    const middle = (key: keyof Sample): number => median(of.map((each) => each[key]));
    return {
      requests: middle('requests'),
      rps: middle('rps'),
      p50Us: middle('p50Us'),
      p99Us: middle('p99Us'),
      failed: 0,
      cpuUs: middle('cpuUs'),
    };
  });
}

async function withTargets<T>(
  effort: Effort,
  use: (targets: readonly Target[]) => Promise<T>,
  many = false,
): Promise<T> {
  const started: Target[] = [];
  const behind: Target[] = [];
  try {
    const bare = await direct();
    started.push(bare);
    if (hasNginx) started.push(await nginx([bare]));
    started.push(await weir({ name: 'Weir, 1 instance', files: limited(1000) }));
    started.push(await weir({ name: 'Weir, 1 instance, no sentinel', files: limited(1000), args: ['--no-sentinel'] }));
    if (many) {
      started.push(await weir({ name: 'Weir, 16 instances', files: limited(4) }));
      if (hasNginx) {
        for (let count = 0; count < 16; count += 1) behind.push(await direct());
        started.push(await nginx(behind, 'nginx → 16 × node:http'));
      }
    }
    if (effort.wattpm) started.push(await wattpm());
    // Engines optimise what has run a while: sixteen of them take sixteen times as long.
    for (const target of started) await load(target.origin, 64, target.name.includes('16') ? 8 * effort.seconds : 2);
    return await use(started);
  } finally {
    for (const target of [...behind, ...started].toReversed()) await target.stop();
  }
}

export function rows(targets: readonly Target[], samples: readonly Sample[]): Row[] {
  const bare = samples[0]!;
  const behind = hasNginx ? samples[1]! : null;
  return targets.map((target, index) => {
    const of = samples[index]!;
    return {
      target: target.name,
      'requests/s': of.rps,
      'p50 µs': of.p50Us,
      'p99 µs': of.p99Us,
      'CPU µs/request': of.cpuUs,
      'CPU ÷ node': of.cpuUs / bare.cpuUs,
      'CPU ÷ nginx': of.cpuUs / (behind?.cpuUs ?? Number.NaN),
      'rate ÷ nginx': of.rps / (behind?.rps ?? Number.NaN),
      'p50 ÷ nginx': of.p50Us / (behind?.p50Us ?? Number.NaN),
    };
  });
}

export function small(effort: Effort): Promise<Section[]> {
  return withTargets(
    effort,
    async (targets) => {
      const sections: Section[] = [];
      for (const connections of [1, 8, 64, 256]) {
        // Four at once in each: 64 connections are 16 instances.
        const chosen = targets.filter(({ name }) => connections === 64 || !name.includes('16'));
        const samples = await compare(chosen, '/', connections, effort);
        sections.push(section(`Small requests, ${connections} connections`, rows(chosen, samples)));
      }
      return sections;
    },
    true,
  );
}

export function bodies(effort: Effort): Promise<Section[]> {
  return withTargets(effort, async (targets) => {
    const sections: Section[] = [];
    for (const [title, path, connections] of [
      ['100 KB', '/100k', 8],
      ['1 MB', '/1m', 8],
    ] as const) {
      sections.push(
        section(
          `Responses of ${title}, ${connections} connections`,
          rows(targets, await compare(targets, path, connections, effort)),
        ),
      );
    }
    return sections;
  });
}
