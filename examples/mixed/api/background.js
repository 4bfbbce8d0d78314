import { waitUntil } from '@vercel/functions';

let finished = 0;

/** Answers at once, and goes on working: the instance stays until the work is done. */
export function POST() {
  waitUntil(
    new Promise((resolve) => setTimeout(resolve, 300)).then(() => {
      finished += 1;
      console.log('background work finished');
    }),
  );
  return Response.json({ accepted: true }, { status: 202 });
}

export function GET() {
  return Response.json({ finished });
}
