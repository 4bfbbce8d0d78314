import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';

const app = express();
app.use(express.json(), express.urlencoded());

app.get('/', (req, res) => {
  res.type('html').send('<h1>Weir and Express</h1><form method="post" action="/form"><input name="name"></form>');
});
app.get('/api/hello/:name', (req, res) => {
  res.json({ message: `Hello, ${req.params.name}!`, tab: req.query.tab ?? null });
});
app.post('/api/sum', (req, res) => {
  const { numbers } = req.body;
  if (!Array.isArray(numbers)) res.status(400).json({ error: 'numbers are expected' });
  else res.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
});
app.post('/form', (req, res) => {
  res.status(201).send(`Signed by ${req.body.name}`);
});
app.get('/stream', async (req, res) => {
  res.type('text');
  for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
    res.write(word);
    await sleep(50);
  }
  res.end();
});
app.get('/old', (req, res) => res.redirect(301, '/'));
app.get('/visits', (req, res) => {
  const visits = Number(/(?:^|; )visits=(\d+)/.exec(req.headers.cookie ?? '')?.[1] ?? 0) + 1;
  res.cookie('visits', String(visits), { httpOnly: true }).json({ visits });
});

app.listen(Number(process.env.PORT ?? 3000));
