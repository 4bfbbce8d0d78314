// What is tested: one echo server with `ws`, once behind Weir and once by itself.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Takes what is allowed: compression, messages of 64 MiB in pieces of 64 bytes (Autobahn's 9.3.1), every code. */
const server = `
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
const server = createServer((req, res) => res.end('up'));
const limits = { maxPayload: 64 * 1024 * 1024, maxFragments: 1024 * 1024 };
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 }, ...limits });
sockets.on('connection', (socket) => {
  socket.on('error', () => undefined);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(process.env.PORT, '127.0.0.1', () => console.log('ready http://127.0.0.1:' + server.address().port));
`;

export interface EchoServers {
  readonly directPort: number;
  readonly weirPort: number;
  stop(): void;
}

/** Both, listening. What is left of them goes with `stop`. */
export async function startEcho(): Promise<EchoServers> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-echo-'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'server.js'), server);
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  const env = { ...process.env, PORT: '0', XDG_STATE_HOME: join(dir, 'state') };
  const children = [
    spawn(process.execPath, [join(dir, 'server.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] }),
    spawn(process.execPath, [join(repository, 'bin/weir'), 'dev', dir, '--port', '0'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ];
  const stop = (): void => {
    for (const child of children) child.kill('SIGTERM');
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const [directPort, weirPort] = await Promise.all(children.map(portOf));
    return { directPort: directPort!, weirPort: weirPort!, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** As both print it: `ready http://HOST:PORT`. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const port = /^ready http:\/\/.*:(\d+)$/m.exec(printed)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', (code) => reject(new Error(`exited with ${code}:\n${printed}`)));
  });
}
