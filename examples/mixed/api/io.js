/** Waits, as for a database: `?ms=1000`. */
export async function GET(request) {
  const ms = Math.min(Number(new URL(request.url).searchParams.get('ms') ?? 1000) || 0, 60_000);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return Response.json({ waitedMs: ms, pid: process.pid });
}
