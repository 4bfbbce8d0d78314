import { limits } from '../../src/base/limits.ts';
import { coldStart, recallMs } from './cold-start.ts';
import { kpaDefaults } from './policies/kpa.ts';

/** What the page says before its figures. */
export function intro(seed: number): string {
  const { bootMs, bootCpuMs, stemMs, stemCpuMs, stemMemoryMiB } = coldStart;
  return `# Scheduling, compared

Written by \`npm run simulate\` (seed ${seed}); a test that the page is current: \`npm run simulate -- --check\`. The same seed gives the
same page. All of it is simulated: Weir's own scheduler (\`src/scheduler\`, the code that the router runs, not a copy) and three others
decide about the same invocations on the same machine, on a virtual clock. What real instances do is measured by the benches.

## How it is simulated

- **A machine** has cores and memory. Cores are shared among all loops that have something to compute: k of them on C cores get
  min(1, C/k) of a core each. What an instance takes of memory is its function's size; a start that does not fit is not made.
- **An instance** is a process with one loop, as Node is. Slices of CPU run one after the other to their end, in the order in which they
  came; while one waits, others run, any number of them. An invocation is CPU, waiting, CPU, waiting, …
- **A start** takes ${bootMs} ms, of which ${bootCpuMs} ms are CPU that others cannot have: the same for all policies. Weir alone has
  stems: processes that have booted for nobody, of ${stemMemoryMiB} MiB. To give one its function takes ${stemMs} ms, ${stemCpuMs} ms of them CPU; its
  replacement has to boot like any other. "Weir, no stems" is Weir without that advantage.
- **What Weir sees** is what its instances report: vitals every ${limits.vitalsPeriodMs} ms, and at once when a turn of the loop has had ${limits.loopStuckMs} ms of CPU. What
  was sent there and has not begun is back at the router ${recallMs} ms later.
- **What is not simulated**: network and proxy, garbage collection, context switches, crashes, memory beyond an instance's size.
  Knative's own delays (scheduling of containers, probes, 30 s of sleep when one ends) are left out in its favour.

## Policies

- **one per instance**: the classic model. What finds no idle instance waits for a new one or the next that is done. Idle instances
  are kept for 10 minutes.
- **fixed 10**: the same with ten at a time; the busiest with room first.
- **Knative KPA, defaults**: no limit per instance (containerConcurrency 0), power of two choices; ${kpaDefaults.targetPerInstance} in flight per instance are aimed for,
  over windows of ${kpaDefaults.stableWindowMs / 1000} s and ${kpaDefaults.panicWindowMs / 1000} s, looked at every ${kpaDefaults.evaluateMs / 1000} s; panic at ${kpaDefaults.panicThreshold}×, at most ${kpaDefaults.maxScaleUpRate}× up and ${kpaDefaults.maxScaleDownRate}× down at once; to zero after the
  window and ${kpaDefaults.graceMs / 1000} s of grace, with an activator that keeps what comes meanwhile. A new deployment has one instance.
- **Weir**, with its defaults, and without stems.

Everywhere ${limits.queueInvocations.toLocaleString('en').replaceAll(',', ' ')} invocations may wait for ${limits.queueWaitMs / 1000} s; then the answer is a 503.

## What the columns say

- **slowdown**: latency ÷ what the invocation takes on a warm instance with a core to itself. What ended as a 503 counts as infinitely late.
- **cold starts**: the share of invocations that waited for an instance that was started, or given its function, after they had come.
- **GB-hours**: memory × time with at least one invocation in flight, what the meter charges. **Provisioned** is memory × the whole
  life of instances and stems; **instance-hours** is that life, of instances alone.
- **CPU h** is what invocations used, **boot CPU h** what starts used.
- **most at once** is of instances; **per second** is what was answered ÷ the time from the first arrival to the last answer.`;
}

/** Below the table of ours against Knative's. */
export const pareto = `Smaller is better in both. Within 1 % counts as the same. Knative's figures for GB-hours are low where its instances are full: an
instance that has work all the time costs as much with seventy waiting in it as with two.`;
