// For tests: a file of what was learned, and a store on it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { textLog } from '../base/log.ts';
import { learnedKey } from '../model/learned.ts';
import type { Learned } from '../model/learned.ts';
import { openLearnedStore } from './learned-store.ts';
import type { LearnedStore } from './learned-store.ts';

export const key = learnedKey({ root: '/srv/shop', name: 'api/hello' });
export const other = learnedKey({ root: '/srv/shop', name: 'api/other' });
export const startMs = 1_700_000_000_000;

export const learned = (saturation: number): Learned => ({
  limits: [{ saturation, unhelpfulAbove: null, wallMs: startMs }, null],
  routes: [{ pattern: '/api/hello', cpuMs: 1.5, wallMs: 120, invocations: 12 }],
  arrivals: {
    lastWallMs: startMs - 60_000,
    watchedWallMs: startMs,
    idleMinutes: [3, 0, 1],
    beyond: 2,
    beyondMinutes: [300.5, 1440],
    minutePeaks: [
      [0, 0.25, 0],
      [1439, 7, 6.5],
    ],
  },
});

/** Stores on a file in a folder of its own. */
export class Bench<Time extends Clock> {
  readonly file: string;
  readonly clock: Time;
  readonly lines: string[] = [];

  constructor(context: TestContext, clock: Time) {
    this.clock = clock;
    const dir = mkdtempSync(join(tmpdir(), 'weir-learned-'));
    context.after(() => rmSync(dir, { recursive: true, force: true }));
    this.file = join(dir, 'state/weir/learned.json');
  }

  open(): Promise<LearnedStore> {
    return openLearnedStore({ file: this.file, clock: this.clock, log: textLog((line) => this.lines.push(line)) });
  }

  /** The file as somebody else has left it. */
  put(content: unknown): void {
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, typeof content === 'string' ? content : JSON.stringify(content));
  }

  putFunctions(functions: object): void {
    this.put({ version: 1, functions });
  }

  saturations(): Record<string, number | undefined> {
    const { functions } = JSON.parse(readFileSync(this.file, 'utf8')) as { functions: Record<string, Learned> };
    return Object.fromEntries(Object.entries(functions).map(([name, each]) => [name, each.limits[0]?.saturation]));
  }
}
