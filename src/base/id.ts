import type { Random } from './random.ts';

/** `inv_` + 24 hex digits, unique for the life of this router: a random prefix and a counter, so that it costs nothing per request. */
export function invocationIds(random: Random): () => string {
  const prefix = `inv_${random.hex(8)}`;
  let count = 0;
  let high = '';
  return () => {
    // 16 bits of the counter by table, and what is above them once in 65,536 times: a number's own toString costs more.
    const low = count & 0xffff;
    if (low === 0) high = prefix + (0x1_0000 + count / 0x1_0000).toString(16).slice(1);
    count = (count + 1) % 0x1_0000_0000;
    return high + bytes[low >>> 8]! + bytes[low & 0xff]!;
  };
}

const bytes = Array.from({ length: 256 }, (_, byte) => (0x100 + byte).toString(16).slice(1));

/** `ins_` + 16 hex digits. */
export const instanceId = (random: Random): string => `ins_${random.hex(8)}`;
