import express from 'express';

const app = express();
app.use(express.json({ limit: '1mb' }));

app.get('/', (_req, res) => res.send('Hello from Express\n'));
app.get('/users/:id', (req, res) => res.json({ id: req.params.id, secure: req.secure, ip: req.ip }));
app.post('/sum', (req, res) => {
  const { numbers } = req.body;
  if (!Array.isArray(numbers)) return res.status(400).json({ error: 'numbers: expected an array' });
  return res.json({ sum: numbers.reduce((sum, number) => sum + Number(number), 0) });
});
app.get('/slow', (_req, res) => {
  res.write('first\n');
  setTimeout(() => res.end('second\n'), 100);
});

// The port is never opened: the instance dials the router, and the router sends the requests.
app.listen(process.env.PORT ?? 3000);
