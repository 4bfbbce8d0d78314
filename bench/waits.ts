// 200 invocations that each wait a second, all at once, from nothing.
import { get } from 'node:http';
import { section } from './report.ts';
import type { Section } from './report.ts';
import { weir } from './targets.ts';

export async function waits(): Promise<Section[]> {
  const target = await weir({ name: 'Weir waits', probe: '/_weir/status' });
  try {
    const startedMs = performance.now();
    const ends = await Promise.all(
      Array.from(
        { length: 200 },
        () =>
          new Promise<{ atMs: number; pid: string }>((resolve, reject) => {
            get(`${target.origin}/wait`, { agent: false }, (response) => {
              let pid = '';
              response.on('data', (chunk: Buffer) => (pid += chunk.toString()));
              response.on('end', () => resolve({ atMs: performance.now() - startedMs, pid }));
            }).on('error', reject);
          }),
      ),
    );
    const times = ends.map(({ atMs }) => atMs);
    const row = {
      invocations: ends.length,
      instances: new Set(ends.map(({ pid }) => pid)).size,
      'first answered, ms': Math.min(...times),
      'last answered, ms': Math.max(...times),
    };
    return [section('200 concurrent invocations that each wait 1 s', [row])];
  } finally {
    await target.stop();
  }
}
