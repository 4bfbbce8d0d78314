import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { streamText } from 'hono/streaming';

const app = new Hono();

app.get('/', (c) => c.html('<h1>Weir and Hono</h1><form method="post" action="/form"><input name="name"></form>'));
app.get('/api/hello/:name', (c) =>
  c.json({ message: `Hello, ${c.req.param('name')}!`, tab: c.req.query('tab') ?? null }),
);
app.post('/api/sum', async (c) => {
  const { numbers } = await c.req.json();
  if (!Array.isArray(numbers)) return c.json({ error: 'numbers are expected' }, 400);
  return c.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
});
app.post('/form', async (c) => c.text(`Signed by ${(await c.req.parseBody()).name}`, 201));
app.get('/stream', (c) =>
  streamText(c, async (stream) => {
    for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
      await stream.write(word);
      await stream.sleep(50);
    }
  }),
);
app.get('/old', (c) => c.redirect('/', 301));
app.get('/visits', (c) => {
  const visits = Number(getCookie(c, 'visits') ?? 0) + 1;
  setCookie(c, 'visits', String(visits), { path: '/', httpOnly: true });
  return c.json({ visits });
});

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
