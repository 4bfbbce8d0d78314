// A program for tests: plain node:http on PORT. With SPEAKS it knows the messages, too. It does what a request's path says.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { env } from 'node:process';

const { PORT, VERCEL_IPC_PATH, SPEAKS, MOOD } = env;
const block = (ms: number): void => {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
};

let messages: Socket | null = null;
const say = (type: string, payload: object): void => void messages?.write(`${JSON.stringify({ type, payload })}\0`);
const contextOf = (req: IncomingMessage): object => ({
  invocationId: req.headers['x-vercel-internal-invocation-id'] ?? '0',
  requestId: Number(req.headers['x-vercel-internal-request-id'] ?? 0),
});
const log = (req: IncomingMessage, text: string): void =>
  say('log', { context: contextOf(req), level: 'info', message: Buffer.from(text).toString('base64') });

function stream(res: ServerResponse, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = Math.min(left, 10_000);
      left -= piece;
      if (!res.write('x'.repeat(piece))) return void res.once('drain', more);
    }
    res.end();
  };
  more();
}

const routes: Readonly<Record<string, (req: IncomingMessage, res: ServerResponse, amount: number) => void>> = {
  hello: (_req, res) => void res.end('hello'),
  head: (req, res) => void res.end(JSON.stringify([req.method, req.url, req.rawHeaders])),
  echo: (req, res) => void req.pipe(res),
  count: (req, res) => {
    let bytes = 0;
    req.on('data', (chunk: Buffer) => (bytes += chunk.length));
    req.on('end', () => res.end(String(bytes)));
  },
  deaf: (_req, res) => res.flushHeaders(),
  stream: (_req, res, bytes) => stream(res, bytes),
  status: (_req, res, status) => void res.writeHead(status, { 'x-own': 'yes' }).end('as asked'),
  hop: (_req, res) => {
    res.setHeader('connection', 'keep-alive, x-mine');
    res.setHeader('x-mine', 'of this connection');
    res.setHeader('set-cookie', ['a=1', 'b=2']);
    res.end('hop');
  },
  hints: (_req, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload' });
    res.end('after hints');
  },
  wait: (_req, res, ms) => void setTimeout(() => res.end('waited'), ms),
  hang: (req, res) => {
    res.on('close', () => {
      process.stdout.write('its client has left\n');
      setTimeout(() => say('end', { context: contextOf(req) }), 300);
    });
  },
  early: (_req, res) => void res.end('early'),
  open: (_req, res) => void server.getConnections((_, count) => res.end(String(count))),
  pings: (_req, res) => void server.getConnections((_, count) => res.end(`${pings} ${count}`)),
  impostor: (_req, res) => {
    const other = createServer((_, answer) => void answer.end('another')).listen(0, '127.0.0.1', () => {
      const { port: httpPort } = other.address() as { port: number };
      const socket = connect(VERCEL_IPC_PATH ?? '', () => {
        socket.write(`${JSON.stringify({ type: 'server-started', payload: { httpPort } })}\0`);
        setTimeout(() => res.end('tried'), 50);
      });
    });
  },
  unasked: (req, res) => {
    res.end('asked');
    setTimeout(() => req.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked'), 20);
  },
  begin: (_req, res) => void res.write('begun'),
  block: (_req, res, ms) => {
    block(ms);
    res.end('blocked');
  },
  exit: (_req, _res, code) => {
    process.stderr.write('about to exit\n');
    process.exit(code);
  },
  drop: (req) => void req.socket.destroy(),
  junk: (req) => void req.socket.end('this is no HTTP\r\n\r\n'),
  log: (req, res) => {
    log(req, 'said by it');
    res.end('logged');
    setTimeout(() => log(req, 'said late'), 20);
  },
  metric: (req, res) => {
    const payload = {
      pathname: '/',
      search: '',
      start: 1,
      duration: 9,
      host: 'h',
      statusCode: 201,
      method: 'PUT',
      id: 1,
    };
    say('metric', { context: contextOf(req), type: 'fetch-metric', payload });
    res.end('counted');
  },
  hostile: (req, res) => {
    const payload = { duration: 1, host: 'h'.repeat(500_000) };
    say('metric', { context: contextOf(req), type: 'fetch-metric', payload });
    const deep = 100_000;
    const error = `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`;
    messages?.write(`{"type":"end","payload":{"context":{"requestId":0},"error":${error}}}\0`);
    res.end('said');
  },
  fails: (req, res) => {
    res.writeHead(500).end('failed');
    say('end', { context: contextOf(req), error: { message: 'no such user' } });
  },
  after: (req, res, ms) => {
    res.end('answered');
    setTimeout(() => say('end', { context: contextOf(req) }), ms);
  },
  unfit: (_req, res) => {
    say('unrecoverable-error', { exitCode: 4, message: 'cannot go on' });
    setTimeout(() => res.end('last'), 20);
  },
  garbage: (_req, res) => {
    messages?.write('garbage\0');
    res.end('said');
  },
  memory: (_req, _res, mebibytes) => {
    const kept = Array.from({ length: mebibytes }, () => Buffer.alloc(1024 * 1024, 1));
    setTimeout(() => process.stdout.write(`took ${kept.length}\n`), 60_000);
  },
};

let pings = 0;
const server = createServer((req, res) => {
  if (MOOD === 'endless' && req.url === '/_vercel/ping') {
    pings += 1;
    res.write('goes on');
    return;
  }
  const [, name = '', amount = '0'] = (req.url ?? '').split('?', 1)[0]!.split('/');
  const route = routes[name];
  if (route === undefined) res.writeHead(404).end('no such route');
  else route(req, res, Number(amount));
  if (SPEAKS !== undefined && !['after', 'hang'].includes(name))
    res.on('finish', () => say('end', { context: contextOf(req) }));
});
server.on('upgrade', (_req: IncomingMessage, socket: Socket, early: Buffer) => {
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nx-vercel-internal-x: 1\r\n\r\n',
  );
  socket.write(early);
  socket.pipe(socket);
});
process.on('SIGTERM', () => {
  const end = (): void => {
    process.stdout.write('ends in order\n');
    process.exit(0);
  };
  // Longer than what has nothing to finish gets.
  if (MOOD === 'finishes') setTimeout(end, 1_500);
  else if (MOOD === 'stays') process.stdout.write('stays\n');
  else end();
});

if (MOOD === 'broken') {
  process.stderr.write('no such luck\n');
  process.exit(5);
}
const port = SPEAKS === undefined ? Number(PORT) : 0;
if (MOOD === 'silent') {
  process.stdout.write(`it leaves port ${PORT} to others\n`);
  setInterval(() => undefined, 60_000);
} else if (MOOD?.startsWith('names ') === true) {
  messages = connect(VERCEL_IPC_PATH ?? '');
  say('server-started', { initDuration: 12, httpPort: Number(MOOD.slice('names '.length)) });
} else listen();

function listen(): void {
  server.listen(port, MOOD === 'v6' ? '::1' : '127.0.0.1', () => {
    process.stdout.write('listens\n');
    if (SPEAKS === undefined) return;
    const { port: httpPort } = server.address() as { port: number };
    messages = connect(VERCEL_IPC_PATH ?? '');
    messages.on('error', () => process.stdout.write('nobody reads its messages\n'));
    say('server-started', { initDuration: 12, httpPort });
  });
}
