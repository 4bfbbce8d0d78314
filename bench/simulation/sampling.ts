import { seededRandom } from '../../src/base/random.ts';

/** Numbers by distributions, from a seed. */
export class Sampling {
  readonly #random: ReturnType<typeof seededRandom>;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return this.#random.below(below);
  }

  /** In (0, 1): both ends excluded, so that a logarithm of it is finite. */
  uniform(): number {
    return (this.#random.below(0x1_0000_0000) + 0.5) / 0x1_0000_0000;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  exponential(mean: number): number {
    return -mean * Math.log(this.uniform());
  }

  /** By Box and Muller (1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** `sigma`: standard deviation of the logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal());
  }
}
