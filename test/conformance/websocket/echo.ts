// What is tested: the same echo server with `ws`, as a Weir project and as a plain program.

/** Takes what is allowed: large messages, compression, every code; echoes messages as they came. */
export const echoServer = `
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
const server = createServer((req, res) => res.end('up'));
const sockets = new WebSocketServer({ server, perMessageDeflate: true, maxPayload: 64 * 1024 * 1024 });
sockets.on('connection', (socket) => {
  socket.on('error', () => undefined);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(process.env.PORT ?? 0, '127.0.0.1', () => console.log('listening ' + server.address().port));
`;
