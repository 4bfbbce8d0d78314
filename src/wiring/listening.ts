import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';

/** What can listen. Rejects with Node's error. */
interface Listener {
  listen(port: number, host: string): Promise<{ port: number }>;
}

interface ListenOrder {
  /** 0: any free one. Where it is taken, the next free one is used. */
  readonly port: number;
  readonly host: string;
  readonly log: Log;
  /** Of the command line: what chooses another port. */
  readonly option: string;
}

/** The port that it listens on. Throws UsageError. */
export async function listenOnFree(server: Listener, { port, host, log, option }: ListenOrder): Promise<number> {
  const last = port === 0 ? 0 : Math.min(65_535, port + limits.portAttempts);
  for (let candidate = port; ; candidate += 1) {
    try {
      const listening = await server.listen(candidate, host);
      if (candidate !== port) log.info(`port ${port} is taken: using ${candidate}`);
      return listening.port;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && candidate < last) continue;
      throw new UsageError(listenFault(code, { port, last, host, message, option }));
    }
  }
}

function listenFault(
  code: string | undefined,
  { port, last, host, message, option }: { port: number; last: number; host: string; message: string; option: string },
): string {
  switch (code) {
    case 'EADDRINUSE':
      return `ports ${port} to ${last} are all taken: choose another by ${option}`;
    case 'EACCES':
      return `port ${port} is not for this user: choose one from 1024 by ${option}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine: choose another by --host`;
    case undefined:
    default:
      return `cannot listen on ${host}:${port}: ${message}`;
  }
}

/** Of an address to listen on, as a client on this machine writes it. */
export const urlOf = (host: string, port: number, path: string = ''): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
