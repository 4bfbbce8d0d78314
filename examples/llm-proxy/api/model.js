/**
 * A stand-in for a model server: waits like one, then streams tokens like one.
 * `?tokens=40&firstMs=300&tokenMs=20`
 */
const words = ['weir', 'water', 'flows', 'evenly', 'over', 'a', 'low', 'dam', 'and', 'the', 'river', 'goes', 'on'];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const numberOf = (url, name, fallback, most) => {
  const value = Number(url.searchParams.get(name) ?? fallback);
  return Number.isFinite(value) && value >= 0 ? Math.min(value, most) : fallback;
};

export function POST(request) {
  const url = new URL(request.url);
  const tokens = numberOf(url, 'tokens', 40, 10_000);
  const firstMs = numberOf(url, 'firstMs', 300, 60_000);
  const tokenMs = numberOf(url, 'tokenMs', 20, 60_000);
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async start(controller) {
      await sleep(firstMs);
      for (let count = 0; count < tokens && !request.signal.aborted; count += 1) {
        if (count > 0) await sleep(tokenMs);
        const delta = JSON.stringify({ token: `${words[count % words.length]} ` });
        controller.enqueue(encoder.encode(`data: ${delta}\n\n`));
      }
      if (request.signal.aborted) return;
      controller.enqueue(encoder.encode('data: [DONE]\n\n'));
      controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
}
