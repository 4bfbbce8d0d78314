// Hot path: settled runs once per invocation.
import type { ErrorCode } from '../base/errors.ts';
import type { StartKind } from '../model/telemetry.ts';

/** How an invocation ended: it was answered (with whatever status), or one of the catalogue's codes. */
export type Outcome = 'answered' | ErrorCode;

/** One invocation that has ended. The router's own record may be passed: nothing is kept of it. */
export interface Settlement {
  readonly route: RouteMeter;
  readonly start: StartKind;
  readonly outcome: Outcome;
  /** From sent to the instance that ran it to settled. */
  readonly wallMs: number;
  /** Attributed by the instance; 0 where it could not say. */
  readonly cpuUs: number;
}

export type Failures = Readonly<Partial<Record<ErrorCode, number>>>;

/** What was counted of one route (or of a whole function). Whole numbers that only grow: what is between two moments is their difference. */
export class Tally {
  invocations = 0;
  cold = 0;
  prewarmed = 0;
  warm = 0;
  failed = 0;
  attributedUs = 0;
  wallUs = 0;
  failures: Failures = {};

  settled(settlement: Settlement): void {
    this.invocations += 1;
    this.attributedUs += Math.round(settlement.cpuUs);
    this.wallUs += microseconds(settlement.wallMs);
    if (settlement.start === 'warm') this.warm += 1;
    else if (settlement.start === 'cold') this.cold += 1;
    else this.prewarmed += 1;
    if (settlement.outcome !== 'answered') this.failure(settlement.outcome);
  }

  failure(code: ErrorCode): void {
    this.failed += 1;
    // Whoever read it before keeps what it read.
    this.failures = { ...this.failures, [code]: (this.failures[code] ?? 0) + 1 };
  }

  /** As of now. */
  counts(): Counts {
    const { invocations, cold, prewarmed, warm, failed, attributedUs, wallUs, failures } = this;
    return { invocations, cold, prewarmed, warm, failed, attributedUs, wallUs, failures };
  }

  report(): TallyReport {
    const { wallUs, ...counts } = this.counts();
    return { ...counts, wallMs: wallUs / 1000 };
  }
}

export interface Counts {
  readonly invocations: number;
  readonly cold: number;
  readonly prewarmed: number;
  readonly warm: number;
  readonly failed: number;
  readonly attributedUs: number;
  readonly wallUs: number;
  readonly failures: Failures;
}

export interface TallyReport extends Omit<Counts, 'wallUs'> {
  readonly wallMs: number;
}

/** Handle of one route pattern of one function; found once per invocation by FunctionMeter.route. */
export class RouteMeter {
  readonly pattern: string;
  readonly tally = new Tally();
  constructor(pattern: string) {
    this.pattern = pattern;
  }
}

/** Whole microseconds, so that sums are exact: of moments of one clock, differences add up too. */
export const microseconds = (ms: number): number => Math.round(ms * 1000);
