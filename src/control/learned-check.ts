import { limits } from '../base/limits.ts';
import { lanes, learnedKey } from '../model/learned.ts';
import type { Learned, LearnedArrivals, LearnedLimit, LearnedRoute, MinutePeak } from '../model/learned.ts';

/** What is known of one function, and since when. */
export interface LearnedEntry {
  readonly learned: Learned;
  /** When something of it was learned last, milliseconds since the Unix epoch. */
  readonly savedWallMs: number;
}

/** Whether the entry of this key is of interest, when it was learned then. */
export type Wanted = (key: string, savedWallMs: number) => boolean;

/** Something that was left out: where, what was there, and what may be there. */
export type Fault = (at: string, value: unknown, allowed: string) => void;

interface Range {
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

const within = (value: unknown, { least, most, whole }: Range): value is number =>
  typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value));
const range = (least: number, most: number): Range => ({ least, most, whole: false });
const count = (least: number, most: number): Range => ({ least, most, whole: true });

const isMinutePeak = (value: unknown): value is MinutePeak =>
  Array.isArray(value) &&
  value.length === 3 &&
  within(value[0], minutes) &&
  within(value[1], amounts) &&
  within(value[2], amounts);

/** No machine has so much of anything that is averaged here. */
const huge = 1e9;
const saturations = range(Number.MIN_VALUE, huge);
const amounts = range(0, huge);
const counts = count(0, Number.MAX_SAFE_INTEGER);
const invocations = range(1, limits.concurrencyMax);
/** A clock that is wrong for a day is put right; what was learned later than that is not what was learned last. */
const aheadMs = 24 * 3_600_000;
const minutes = count(0, 1439);
const minutesOfDay = 1440;

/** Root and name are paths. */
const keyCharacters = 8192;
const keyShape = 'ROOT//NAME, at most 8192 characters';
const isKey = (key: string): boolean => key.includes(learnedKey({ root: '', name: '' })) && key.length <= keyCharacters;

/**
 * Reads the functions of the file that are wanted, value by value: what is invalid is told to `fault` and left out, and so is
 * what does not hold together without it. `nowMs`: since the Unix epoch.
 */
export function readEntries(functions: object, wanted: Wanted, nowMs: number, fault: Fault): Map<string, LearnedEntry> {
  const entries = new Map<string, LearnedEntry>();
  for (const [key, value] of Object.entries(functions)) {
    if (!isKey(key)) {
      fault('', key, `as a key: ${keyShape}`);
      continue;
    }
    const told: Fault = (at, found, allowed) => fault(at === '' ? key : `${key} ${at}`, found, allowed);
    const fields = objectAt(value, '', told);
    if (fields === null) continue;
    const savedWallMs = new Reader(told, nowMs).moment(fields['savedWallMs'], 'savedWallMs');
    if (savedWallMs === null || !wanted(key, savedWallMs)) continue;
    entries.set(key, { learned: readLearned(fields, nowMs, told), savedWallMs });
  }
  return entries;
}

/** What of `value` is valid. */
export function readLearned(value: object, nowMs: number, fault: Fault): Learned {
  const fields = value as Readonly<Record<string, unknown>>;
  const reader = new Reader(fault, nowMs);
  return {
    limits: reader.limits(fields['limits']),
    routes: reader.routes(fields['routes']),
    arrivals: reader.arrivals(fields['arrivals']),
  };
}

function objectAt(value: unknown, at: string, fault: Fault): Readonly<Record<string, unknown>> | null {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  fault(at, value, 'an object');
  return null;
}

class Reader {
  readonly #fault: Fault;
  readonly #nowMs: number;

  constructor(fault: Fault, nowMs: number) {
    this.#fault = fault;
    this.#nowMs = nowMs;
  }

  limits(value: unknown): (LearnedLimit | null)[] {
    const found = this.#list(value, 'limits', lanes.length);
    return lanes.map((_, lane) => this.#limit(found[lane] ?? null, `limits[${lane}]`));
  }

  #limit(value: unknown, at: string): LearnedLimit | null {
    const fields = value === null ? null : objectAt(value, at, this.#fault);
    if (fields === null) return null;
    const saturation = this.#number(fields['saturation'], `${at}.saturation`, saturations);
    const wallMs = this.moment(fields['wallMs'], `${at}.wallMs`);
    const above = fields['unhelpfulAbove'] ?? null;
    const unhelpfulAbove = above === null ? null : this.#number(above, `${at}.unhelpfulAbove`, invocations);
    return saturation === null || wallMs === null ? null : { saturation, unhelpfulAbove, wallMs };
  }

  routes(value: unknown): LearnedRoute[] {
    return this.#list(value, 'routes', limits.learnedRoutes).flatMap((each, index) => {
      const route = this.#route(each, `routes[${index}]`);
      return route === null ? [] : [route];
    });
  }

  #route(value: unknown, at: string): LearnedRoute | null {
    const fields = objectAt(value, at, this.#fault);
    if (fields === null) return null;
    const { pattern } = fields;
    if (typeof pattern !== 'string' || pattern.length > limits.urlBytes) {
      this.#fault(`${at}.pattern`, pattern, `text of at most ${limits.urlBytes} characters`);
      return null;
    }
    const cpuMs = this.#number(fields['cpuMs'], `${at}.cpuMs`, amounts);
    const wallMs = this.#number(fields['wallMs'], `${at}.wallMs`, amounts);
    const invocations = this.#number(fields['invocations'], `${at}.invocations`, counts);
    return cpuMs === null || wallMs === null || invocations === null ? null : { pattern, cpuMs, wallMs, invocations };
  }

  arrivals(value: unknown): LearnedArrivals | null {
    const fields = (value ?? null) === null ? null : objectAt(value, 'arrivals', this.#fault);
    if (fields === null) return null;
    const at = 'arrivals';
    const lastWallMs = this.moment(fields['lastWallMs'], `${at}.lastWallMs`);
    const watchedWallMs = this.moment(fields['watchedWallMs'], `${at}.watchedWallMs`);
    const rest = {
      idleMinutes: this.#histogram(fields['idleMinutes'], `${at}.idleMinutes`),
      beyond: this.#number(fields['beyond'], `${at}.beyond`, amounts) ?? 0,
      beyondMinutes: this.#numbers(fields['beyondMinutes'], `${at}.beyondMinutes`),
      minutePeaks: this.#minutePeaks(fields['minutePeaks'], `${at}.minutePeaks`),
    };
    return lastWallMs === null || watchedWallMs === null ? null : { lastWallMs, watchedWallMs, ...rest };
  }

  /** Nothing was seen where what is there is invalid. */
  #histogram(value: unknown, at: string): number[] {
    return this.#list(value, at, limits.idleRangeMinutes).map((each, index) => this.#item(each, at, index) ?? 0);
  }

  #numbers(value: unknown, at: string): number[] {
    return this.#list(value, at, limits.longIdleTimes)
      .map((each, index) => this.#item(each, at, index))
      .filter((each) => each !== null);
  }

  /** Where it is, is put into words for what is invalid alone: there are thousands. */
  #item(value: unknown, at: string, index: number): number | null {
    return within(value, amounts) ? value : this.#number(value, `${at}[${index}]`, amounts);
  }

  #minutePeaks(value: unknown, at: string): MinutePeak[] {
    const peaks: MinutePeak[] = [];
    for (const [index, each] of this.#list(value, at, minutesOfDay).entries()) {
      if (isMinutePeak(each)) peaks.push(each);
      else this.#fault(`${at}[${index}]`, each, 'a list: minute of the day 0–1439, average, repeated');
    }
    return peaks;
  }

  /** Milliseconds since the Unix epoch. */
  moment(value: unknown, at: string): number | null {
    return this.#number(value, at, range(0, this.#nowMs + aheadMs));
  }

  #number(value: unknown, at: string, range: Range): number | null {
    if (within(value, range)) return value;
    const { least, most, whole } = range;
    const from = least === Number.MIN_VALUE ? 'above 0' : `from ${least}`;
    this.#fault(at, value, `a ${whole ? 'whole ' : ''}number ${from}${whole ? '' : ','} to ${most}`);
    return null;
  }

  #list(value: unknown, at: string, most: number): readonly unknown[] {
    if (!Array.isArray(value)) {
      this.#fault(at, value, 'a list');
      return [];
    }
    if (value.length > most) this.#fault(at, `${value.length} values`, `at most ${most}`);
    return value.slice(0, most) as unknown[];
  }
}
