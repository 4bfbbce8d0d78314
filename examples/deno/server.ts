// Deno: its own server, on the port that it is given. `npm install` here, then `weir dev examples/deno`
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function* lines() {
  for (let number = 0; number < 5; number += 1) {
    yield new TextEncoder().encode(`${number}\n`);
    await sleep(100);
  }
}

Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT') ?? 3000), onListen: () => {} }, (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/') return new Response('Hello from Deno\n');
  if (pathname === '/stream') return new Response(ReadableStream.from(lines()));
  return new Response('Not found\n', { status: 404 });
});
