import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const server = createServer((_req, res) => {
  res.writeHead(200, { 'content-type': 'text/plain' });
  res.end(`${sockets.clients.size} connected\n`);
});

const sockets = new WebSocketServer({ server, path: '/chat', maxPayload: 64 * 1024 });
sockets.on('connection', (socket) => {
  socket.on('error', (error) => console.error(error.message));
  socket.on('message', (data, isBinary) => {
    for (const other of sockets.clients) other.send(data, { binary: isBinary });
  });
  socket.send(`welcome, you are one of ${sockets.clients.size}`);
});

server.listen(process.env.PORT ?? 3000);
