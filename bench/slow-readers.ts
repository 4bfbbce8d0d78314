// 100 clients that ask for 100 MB each and read next to nothing: what the router keeps for them.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { rssMiB } from './cpu.ts';
import { section } from './report.ts';
import type { Section } from './report.ts';
import { weir } from './targets.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function slowReaders(): Promise<Section[]> {
  const target = await weir({ name: 'Weir slow readers' });
  const sockets: Socket[] = [];
  try {
    const before = rssMiB(target.frontPid);
    for (let count = 0; count < 100; count += 1) {
      const socket = connect(Number(new URL(target.origin).port), '127.0.0.1');
      socket.pause();
      socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
      sockets.push(socket);
    }
    let most = 0;
    for (let look = 0; look < 10; look += 1) {
      await sleep(300);
      most = Math.max(most, rssMiB(target.frontPid) - before);
    }
    const row = { readers: 100, 'router RSS before, MiB': before, 'grown by at most, MiB': most };
    return [section('100 slow readers of 100 MB each', [row])];
  } finally {
    for (const socket of sockets) socket.destroy();
    await target.stop();
  }
}
