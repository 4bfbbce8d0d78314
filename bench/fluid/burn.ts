// Work of a fixed amount, not of a fixed time: a loop that looks at the clock does less where CPU is short. And of native
// code: V8 compiles a loop of JavaScript anew after some hundred calls, and it is four times as slow until it is done.
import { createHash } from 'node:crypto';

/** One round: 4 KiB hashed. */
function burn(rounds: number): string {
  const hash = createHash('sha256');
  const block = Buffer.alloc(4096);
  for (let round = 0; round < rounds; round += 1) hash.update(block);
  return hash.digest('hex');
}

/** JavaScript of `burn(rounds)`, for a function's own file, an ECMAScript module: Node takes types away before anything runs. */
export const burnSource = `import { createHash } from 'node:crypto';
${burn.toString()}`;

/** Rounds of `burn` that take `wallMs` on this machine when nothing else runs; the fastest of some tries. */
export function roundsFor(wallMs: number): number {
  const tried = 2_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 30; round += 1) {
    const startedMs = performance.now();
    burn(tried);
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return Math.round((tried * wallMs) / bestMs);
}
