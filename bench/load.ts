// Load from a process of its own: wrk where it is installed, else the client in bench/client.ts.
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Load {
  readonly requests: number;
  readonly rps: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly failed: number;
}

const run = promisify(execFile);
const found = (command: string): boolean => {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
export const hasNginx = found('nginx');
const hasWrk = found('wrk');
export const loader = hasWrk ? 'wrk, 1 thread' : "bench/client.ts (install Debian's wrk for a lighter client)";

/** What a browser sends: the fields a router has to carry. */
const browserHeaders = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cache-Control: no-cache',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: none',
  'Upgrade-Insecure-Requests: 1',
];

/** `connections` connections that ask for `url`, each again as soon as it is answered, for `seconds`. */
export async function load(url: string, connections: number, seconds: number): Promise<Load> {
  if (!hasWrk) {
    const client = fileURLToPath(new URL('client.ts', import.meta.url));
    const args = [client, url, String(connections), String(seconds), JSON.stringify(browserHeaders)];
    const { stdout } = await run(process.execPath, args, { timeout: (seconds + 20) * 1000 });
    return JSON.parse(stdout) as Load;
  }
  const headers = browserHeaders.flatMap((header) => ['-H', header]);
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', ...headers, url];
  const { stdout } = await run('wrk', args, { timeout: (seconds + 20) * 1000 });
  return readWrk(stdout, url);
}

const units: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000, m: 60_000_000 };

function readWrk(text: string, url: string): Load {
  const duration = (percent: string): number => {
    const [, value, unit] = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(text) ?? [];
    return Number(value) * (units[unit ?? ''] ?? Number.NaN);
  };
  const [, requests] = /(\d+) requests in/.exec(text) ?? [];
  const [, rps] = /Requests\/sec:\s+([\d.]+)/.exec(text) ?? [];
  const errors = [...text.matchAll(/(?:connect|read|write|timeout|responses:) (\d+)/g)];
  const failed = errors.reduce((sum, match) => sum + Number(match[1]), 0);
  if (requests === undefined || rps === undefined) throw new Error(`wrk against ${url} printed:\n${text}`);
  return { requests: Number(requests), rps: Number(rps), p50Us: duration('50'), p99Us: duration('99'), failed };
}
