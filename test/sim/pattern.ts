/** Body bytes that know their place: byte `at` of stream `seed` is `(at + seed) % 251`, so that a lost or doubled one shows. */
const period = 251;
const pattern = Buffer.alloc(256 * 1024 + period);
for (let at = 0; at < pattern.length; at += 1) pattern[at] = at % period;

export function bodyBytes(seed: number, at: number, length: number): Buffer {
  const from = (at + seed) % period;
  return pattern.subarray(from, from + length);
}

export function isBody(chunk: Buffer, seed: number, at: number): boolean {
  const from = (at + seed) % period;
  return pattern.compare(chunk, 0, chunk.length, from, from + chunk.length) === 0;
}
