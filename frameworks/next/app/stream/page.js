import { Suspense } from 'react';
import { setTimeout as sleep } from 'node:timers/promises';

export const dynamic = 'force-dynamic';

async function Slow() {
  await sleep(1000);
  return <p id="late">This came a second later.</p>;
}

export default function Stream() {
  return (
    <>
      <h1>Streaming</h1>
      <p id="early">This came at once.</p>
      <Suspense fallback={<p>Waiting…</p>}>
        <Slow />
      </Suspense>
    </>
  );
}
