import type { Random } from './random.ts';

/** `inv_` + 24 hex digits, unique for the life of this router: a random prefix and a counter, so that it costs nothing per request. */
export function invocationIds(random: Random): () => string {
  const prefix = `inv_${random.hex(8)}`;
  let count = 0;
  return () => {
    count = (count + 1) % 0x1_0000_0000;
    return prefix + (0x1_0000_0000 + count).toString(16).slice(1);
  };
}

/** `ins_` + 16 hex digits. */
export const instanceId = (random: Random): string => `ins_${random.hex(8)}`;
