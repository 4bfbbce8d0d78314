import type { Lane } from './learned.ts';

/** Why a function is scheduled as it is: what `weir explain` shows. Plain JSON, nothing of it is live. */
export interface Explanation {
  readonly id: string;
  readonly label: string;
  /** The user's; 'auto': none but the platform's. */
  readonly maxConcurrency: number | 'auto';
  readonly queued: number;
  readonly oldestQueuedMs: number;
  readonly lanes: readonly LaneExplanation[];
  readonly routes: readonly RouteExplanation[];
  readonly instances: readonly InstanceExplanation[];
  /** Oldest first; the last 20. */
  readonly decisions: readonly Decision[];
  /** Refusals, recalls and losses before an invocation began, by reason. */
  readonly nacks: Readonly<Record<string, number>>;
  /** How many instances are kept without work, and why. */
  readonly kept: { readonly instances: number; readonly reason: string };
  /** Why no instance is started now; null: one may be. */
  readonly backingOff: string | null;
}

export interface Decision {
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** `limit 14 → 9: event loop delay p95 84 ms > 50 ms`. */
  readonly text: string;
  /** Null: of the function as a whole. */
  readonly instance: string | null;
}

/** What a new instance of the function gets at once, for one kind of its work. */
export interface LaneExplanation {
  readonly lane: Lane;
  readonly limit: number;
  /** In flight ÷ utilisation, as learned; null: not known yet. */
  readonly saturation: number | null;
  readonly unhelpfulAbove: number | null;
  readonly queued: number;
  /** Averages of what was in flight or queued. */
  readonly demand: { readonly last6s: number; readonly last60s: number };
}

interface RouteExplanation {
  readonly pattern: string;
  readonly lane: Lane;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly invocations: number;
}

export interface InstanceExplanation {
  readonly id: string;
  readonly state: string;
  /** What it has at the moment; null: nothing. */
  readonly lane: Lane | null;
  readonly inFlight: number;
  readonly limit: number;
  /** Which guard holds the limit where it is: `law`, `ceiling`, `loop`, `memory`, `fds`, … */
  readonly binding: string;
  /** The inputs to the law, as of its last step. */
  readonly law: { readonly inFlight: number; readonly utilisation: number; readonly saturation: number | null };
  readonly guards: readonly GuardExplanation[];
  /** Why it takes nothing new at the moment. */
  readonly paused: string | null;
  /** No longer preferred: its work runs out, and it is ready for when it is needed. */
  readonly resting: boolean;
  /** The last change of its limit, with the reason; null: it never changed. */
  readonly lastChange: string | null;
}

/** One guard as it stands: `loop delay 12 ms of 50 ms`. */
export interface GuardExplanation {
  readonly name: string;
  readonly value: number;
  readonly threshold: number;
  readonly unit: string;
}

/** A function that can be asked about. */
export interface Explainable {
  /** `DEPLOYMENT/NAME` */
  readonly id: string;
  /** `PROJECT/NAME`; another version of the same function has the same. */
  readonly label: string;
  /** A newer version has taken its place. */
  readonly retired: boolean;
}

/** Carries the kind of `Explained` in answers to it over HTTP. */
export const explainHeader = 'X-Weir-Explain';

/** The answer to a question about a function. */
export type Explained =
  | { readonly kind: 'found'; readonly explanation: Explanation }
  /** There is one, and nothing has been asked of it yet. */
  | { readonly kind: 'idle'; readonly function: Explainable }
  /** No name was given: all that there are. */
  | { readonly kind: 'list'; readonly functions: readonly Explainable[] }
  | { readonly kind: 'ambiguous'; readonly name: string; readonly candidates: readonly Explainable[] }
  /** `meant`: what comes close; null: nothing does. */
  | {
      readonly kind: 'unknown';
      readonly name: string;
      readonly meant: string | null;
      readonly functions: readonly Explainable[];
    };
