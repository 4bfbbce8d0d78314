import type { Sampling } from '../sampling.ts';

/** Arrivals of a Poisson process of so many a second, between two times. */
export function poisson(
  sampling: Sampling,
  span: { readonly fromMs: number; readonly toMs: number },
  perSecond: number,
  arrive: (atMs: number) => void,
): void {
  for (let atMs = span.fromMs + sampling.exponential(1000 / perSecond); atMs < span.toMs;) {
    arrive(atMs);
    atMs += sampling.exponential(1000 / perSecond);
  }
}

/** The same with a rate that changes: by thinning, from `most` a second (Lewis and Shedler 1979). */
export function varying(
  sampling: Sampling,
  span: { readonly fromMs: number; readonly toMs: number },
  rate: { readonly most: number; readonly at: (atMs: number) => number },
  arrive: (atMs: number) => void,
): void {
  poisson(sampling, span, rate.most, (atMs) => {
    if (sampling.uniform() * rate.most < rate.at(atMs)) arrive(atMs);
  });
}
