/** Computes without a pause: `?ms=200` of CPU. */
export function GET(request) {
  const ms = Math.min(Number(new URL(request.url).searchParams.get('ms') ?? 200) || 0, 60_000);
  const until = performance.now() + ms;
  let rounds = 0;
  while (performance.now() < until) rounds += 1;
  return Response.json({ burntMs: ms, rounds, pid: process.pid });
}
