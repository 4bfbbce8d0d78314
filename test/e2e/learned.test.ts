// What the scheduler finds out about a function: it can be seen, and it is still known after a restart.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { project, run, type Weir } from './weir.ts';

const computes = `
const usedMs = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
export async function GET() {
  const endMs = usedMs() + 30;
  while (usedMs() < endMs);
  await new Promise((resolve) => setTimeout(resolve, 30));
  return new Response('done');
}
`;

async function explained(weir: Weir, name: string): Promise<any> {
  const answer = await weir.get(`/_weir/explain?function=${name}`, { accept: 'application/json' });
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}

test('a limit is found, explained, and known after a restart', async (context) => {
  const dir = project(context, { 'api/mixed.js': computes });
  const state = mkdtempSync(join(tmpdir(), 'weir-state-'));
  context.after(() => rmSync(state, { recursive: true, force: true }));
  const args = ['dev', dir, '--port', '0'];

  const first = await run(context, args, state);
  assert.equal((await first.get('/api/mixed')).status, 200);
  const seen: { found: any } = { found: null };
  // As many at once as are asked, until something is known.
  const ask = async (): Promise<void> => {
    while (seen.found === null) assert.equal((await first.get('/api/mixed')).status, 200);
  };
  const watch = async (): Promise<void> => {
    for (;;) {
      const explanation = await explained(first, 'api/mixed');
      if (explanation.lanes.some((lane: any) => lane.saturation !== null)) {
        seen.found = explanation;
        return;
      }
    }
  };
  await Promise.all([watch(), ask(), ask(), ask(), ask()]);
  const { found } = seen;
  const known = found.lanes.find((lane: any) => lane.saturation !== null);
  assert.ok(known.limit < 20, `half of it computes, and it may have ${known.limit} at once`);
  assert.ok(
    found.decisions.some(({ text }: any) => /^limit \d+ → \d+: /.test(text)),
    JSON.stringify(found.decisions),
  );
  assert.equal(await first.stop(), 0);

  // Until it is stopped it goes on learning: what it had at the end is in the file.
  const kept = JSON.parse(readFileSync(join(state, 'weir/learned.json'), 'utf8'));
  const [{ limits }] = Object.values<any>(kept.functions);
  const second = await run(context, args, state);
  const after = await explained(second, 'api/mixed');
  for (const [at, lane] of after.lanes.entries())
    assert.equal(lane.saturation, limits[at]?.saturation ?? null, lane.lane);
  const again = after.lanes.find((lane: any) => lane.lane === known.lane);
  assert.ok(again.saturation > 0 && again.limit < 20, `it starts with ${again.limit} at once`);
  assert.equal((await second.get('/api/mixed')).status, 200);
  assert.equal(await second.stop(), 0);
});
