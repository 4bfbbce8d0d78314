import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import cookie from '@fastify/cookie';
import form from '@fastify/formbody';
import fastify from 'fastify';

const app = fastify();
await app.register(cookie);
await app.register(form);

app.get('/', (request, reply) => {
  reply.type('text/html; charset=utf-8');
  return reply.send('<h1>Weir and Fastify</h1><form method="post" action="/form"><input name="name"></form>');
});
app.get('/api/hello/:name', ({ params, query }) => ({ message: `Hello, ${params.name}!`, tab: query.tab ?? null }));
app.post(
  '/api/sum',
  { schema: { body: { type: 'object', required: ['numbers'], properties: { numbers: { type: 'array' } } } } },
  ({ body }) => ({ sum: body.numbers.reduce((sum, number) => sum + number, 0) }),
);
app.post('/form', ({ body }, reply) => reply.code(201).send(`Signed by ${body.name}`));
app.get('/stream', (request, reply) => reply.type('text/plain; charset=utf-8').send(Readable.from(words())));
app.get('/old', (request, reply) => reply.redirect('/', 301));
app.get('/visits', (request, reply) => {
  const visits = Number(request.cookies.visits ?? 0) + 1;
  reply.setCookie('visits', String(visits), { path: '/', httpOnly: true });
  return reply.send({ visits });
});

async function* words() {
  for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
    yield word;
    await sleep(50);
  }
}

await app.listen({ port: Number(process.env.PORT ?? 3000) });
