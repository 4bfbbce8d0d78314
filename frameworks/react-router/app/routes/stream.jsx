import { Suspense } from 'react';
import { Await } from 'react-router';

export const loader = () => ({
  early: 'This came at once.',
  late: new Promise((resolve) => setTimeout(resolve, 500, 'This came later.')),
});

export default function Stream({ loaderData }) {
  return (
    <>
      <h1>Streaming</h1>
      <p>{loaderData.early}</p>
      <Suspense fallback={<p>Waiting…</p>}>
        <Await resolve={loaderData.late}>{(late) => <p>{late}</p>}</Await>
      </Suspense>
    </>
  );
}
