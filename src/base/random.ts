import { randomBytes, randomInt } from 'node:crypto';

/** Randomness as an argument, so that a failing seed replays. */
export interface Random {
  /** An integer in [0, below). */
  below(below: number): number;
  /** `bytes` random bytes in lower-case hexadecimal. */
  hex(bytes: number): string;
}

export const systemRandom: Random = {
  below: (below) => randomInt(below),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
};

/** A 32-bit generator (mulberry32, Tommy Ettinger 2017, public domain): for tests and simulation, never for tokens. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (below) => Math.floor((next() / 0x1_0000_0000) * below),
    hex: (bytes) => {
      let text = '';
      for (let done = 0; done < bytes; done += 1) {
        text += (next() & 0xff).toString(16).padStart(2, '0');
      }
      return text;
    },
  };
}
