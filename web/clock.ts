/** The browser's one clock. */
export const nowMs = (): number => performance.now();
export const wallMs = (): number => Date.now();

/** Calls `fire` once; the answer cancels it. */
export function after(delayMs: number, fire: () => void): () => void {
  const timer = setTimeout(fire, delayMs);
  return () => clearTimeout(timer);
}

/** Calls `fire` over and over; the answer ends it. */
export function every(periodMs: number, fire: () => void): () => void {
  const timer = setInterval(fire, periodMs);
  return () => clearInterval(timer);
}

/** Calls `draw` before each frame as long as the page is seen; the answer ends it. */
export function eachFrame(draw: (timeMs: number) => void): () => void {
  let frame = requestAnimationFrame(function next(timeMs) {
    frame = requestAnimationFrame(next);
    draw(timeMs);
  });
  return () => cancelAnimationFrame(frame);
}

export const prefersStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;
