// Bun: its own server, on the port that it is given. `npm install`, then `weir dev examples/bun`
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Bun.serve({
  hostname: '127.0.0.1',
  port: process.env.PORT ?? 3000,
  routes: {
    '/': () => new Response('Hello from Bun\n'),
    '/users/:id': (request) => Response.json({ id: request.params.id }),
    '/stream': () => {
      async function* lines() {
        for (let number = 0; number < 5; number += 1) {
          yield `${number}\n`;
          await sleep(100);
        }
      }
      return new Response(lines(), { headers: { 'content-type': 'text/plain' } });
    },
  },
  fetch: () => new Response('Not found\n', { status: 404 }),
});
