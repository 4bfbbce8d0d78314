// A fake model server, a process of its own on loopback: it answers after as long as a model would have generated.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Until the first token, and for each: an assumption, the trace does not say how long its answers took. */
const firstMs = 300;
const tokenMs = 20;

/** How long the model takes for so many tokens, in the trace's own time. */
export const modelWaitMs = (tokens: number): number => firstMs + tokenMs * tokens;

export interface Model {
  readonly origin: string;
  stop(): Promise<void>;
}

/** `speedUp`: how much faster than the trace's time goes. */
export async function startModel(speedUp: number): Promise<Model> {
  const child = spawn(process.execPath, [import.meta.filename, String(speedUp)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the model server exited with ${code}`);
    }),
  ])) as [Buffer];
  return {
    origin: `http://127.0.0.1:${Number(String(line))}`,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, speedUp: number): void {
  const startedMs = performance.now();
  const tokens = Number(request.headers['x-tokens']);
  request.resume();
  request.on('end', () => {
    const leftMs = modelWaitMs(tokens) / speedUp - (performance.now() - startedMs);
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ text: 'code '.repeat(tokens) }));
    }, leftMs);
  });
}

if (import.meta.main) {
  const speedUp = Number(process.argv[2]);
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => answer(request, response, speedUp));
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}
