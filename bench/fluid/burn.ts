// Work of a fixed amount, not of a fixed time: a loop that looks at the clock does less where CPU is short.

function burn(rounds: number): number {
  let value = 1;
  for (let round = 0; round < rounds; round += 1)
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) ^ (value >>> 13);
  return value;
}

/** JavaScript of `burn(rounds)`, for a function's own file: Node takes types away before anything runs. */
export const burnSource = burn.toString();

/** Rounds of `burn` that take `wallMs` on this machine when nothing else runs; the fastest of some tries. */
export function roundsFor(wallMs: number): number {
  const tried = 2_000_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 30; round += 1) {
    const startedMs = performance.now();
    burn(tried);
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return Math.round((tried * wallMs) / bestMs);
}
