import { setTimeout as sleep } from 'node:timers/promises';
import { Suspense } from 'react';
import { cacheLife, cacheTag } from 'next/cache';
import { cookies } from 'next/headers';

// Kept until /api/expire says that it is out of date.
async function News() {
  'use cache';
  cacheTag('news');
  cacheLife('max');
  return (
    <p>
      Read at <time>{new Date().toISOString()}</time>
    </p>
  );
}

// Made for every request, while the rest of the page is shown. A database would take so long.
async function Greeting() {
  const name = (await cookies()).get('name')?.value ?? 'stranger';
  await sleep(300);
  return <p id="greeting">{`Hello, ${name}!`}</p>;
}

export default function Home() {
  return (
    <>
      <h1>Weir and Cache Components</h1>
      <News />
      <Suspense fallback={<p>Who are you?</p>}>
        <Greeting />
      </Suspense>
    </>
  );
}
