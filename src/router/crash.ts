// What is known of an instance that ended without being asked to.
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { CrashReport } from '../model/telemetry.ts';
import type { Vitals } from '../model/vitals.ts';
import type { Exit } from '../provider/provider.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import type { InstanceState } from './instance-state.ts';

/** As an instance asks to be drained after an error that left it unfit (src/core/core.ts). */
const unfitReason = 'errors';

const uncaught = /^(?:Uncaught exception|Unhandled rejection): /;
/** As JavaScript and Python have them, and what V8 says before it ends its process. */
const stackMark = /\n {4}at |Traceback \(most recent call last\)|FATAL ERROR: /;
const heapIsFull = /^FATAL ERROR: .*heap out of memory/m;

/** Noted of an instance while it lives. */
export class CrashNotes {
  /** The platform asked it to end, or it said that it wants to. */
  wasAsked = false;
  /** What went wrong before it was asked: decides, whatever came of it. */
  fault: string | null = null;
  /** The invocation whose code did it. */
  invocationId: string | null = null;
  stack: string | null = null;
  outOfMemory = false;

  /** A line of level error. */
  logged({ text }: LogFrame, invocationId: string | null): void {
    if (uncaught.test(text)) {
      // The first left it unfit; others may follow from it.
      this.invocationId ??= invocationId;
    } else if (!stackMark.test(text)) return;
    this.stack = text.slice(0, limits.crashStackChars);
    if (heapIsFull.test(text)) this.outOfMemory = true;
  }

  /** Its code was to blame, or its size: it was not asked to end before. */
  couldNotLoad(message: string): void {
    this.fault = 'its function could not be loaded';
    this.stack ??= message.slice(0, limits.crashStackChars);
  }

  /** It asks to be drained. */
  drains(reason: string): void {
    if (reason === unfitReason) this.fault ??= 'an error that nobody caught';
    this.wasAsked = true;
  }
}

/** How the end of an instance came. */
export interface Death {
  /** The phase it was in before it began to end. */
  readonly from: InstanceState['kind'];
  readonly cause: string;
  /** Null: not known. */
  readonly exit: Exit | null;
  /** Invocations that it had, which had begun or may have. */
  readonly lost: readonly string[];
}

/** The instance, as far as it matters. */
interface Dead {
  readonly id: string;
  readonly notes: CrashNotes;
  readonly startedMs: number;
  readonly vitals: Vitals;
  readonly finalCpuUs: number | null;
}

/** Null: it was asked to end, and did. */
export function crashOf(
  instance: Dead,
  { exit, cause, lost }: Death,
  spec: FunctionSpec,
  clock: Clock,
): CrashReport | null {
  const { id, notes, vitals, finalCpuUs, startedMs } = instance;
  const outOfMemory = notes.outOfMemory || (exit?.kind === 'signalled' && exit.outOfMemory);
  if (notes.wasAsked && notes.fault === null && !outOfMemory) return null;
  const cpuUs = Math.max(finalCpuUs ?? 0, vitals.cpuUs);
  return {
    atMs: clock.wallMs(),
    instance: id,
    functionId: spec.id,
    label: spec.label,
    project: spec.project,
    deployment: spec.deployment,
    reason: outOfMemory ? 'out of memory' : (notes.fault ?? cause),
    exitCode: exit?.kind === 'exited' ? exit.code : null,
    signal: exit?.kind === 'signalled' ? exit.signal : null,
    invocationId: notes.invocationId,
    lost,
    stack: notes.stack,
    memoryBytes: vitals.rssBytes > 0 ? vitals.rssBytes : null,
    cpuMs: cpuUs > 0 ? cpuUs / 1000 : null,
    ageMs: clock.nowMs() - startedMs,
  };
}
