// A load client for machines without wrk: raw sockets, one request at a time each. `client.ts URL CONNECTIONS SECONDS HEADERS`
import { connect } from 'node:net';

const [target = '', connections = '1', seconds = '1', headers = '[]'] = process.argv.slice(2);
const url = new URL(target);
const head = [
  `GET ${url.pathname}${url.search} HTTP/1.1`,
  `Host: ${url.host}`,
  ...(JSON.parse(headers) as string[]),
  '',
  '',
].join('\r\n');
const took: number[] = [];
let failed = 0;
let open = true;

/** Bytes of the answer that starts `text` (a latin-1 view of what has come); -1 if its head is not complete yet. */
function answerBytes(text: string): number {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return -1;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2));
  if (length === null) throw new Error('the client measures answers with a content-length only');
  return end + 4 + Number(length[1]);
}

function converse(): void {
  const socket = connect(Number(url.port), url.hostname);
  let startedMs = performance.now();
  let wantedBytes = -1;
  let hadBytes = 0;
  let early = '';
  const ask = (): void => {
    startedMs = performance.now();
    wantedBytes = -1;
    hadBytes = 0;
    early = '';
    socket.write(head);
  };
  socket.setNoDelay(true);
  socket.on('connect', ask);
  socket.on('data', (chunk) => {
    hadBytes += chunk.length;
    if (wantedBytes < 0) {
      early += chunk.toString('latin1');
      wantedBytes = answerBytes(early);
    }
    if (wantedBytes < 0 || hadBytes < wantedBytes) return;
    if (!early.startsWith('HTTP/1.1 200')) failed += 1;
    took.push(performance.now() - startedMs);
    if (open) ask();
    else socket.destroy();
  });
  socket.on('error', () => (failed += 1));
}

for (let count = 0; count < Number(connections); count += 1) converse();
setTimeout(
  () => {
    open = false;
    took.sort((a, b) => a - b);
    const at = (quantile: number): number => (took[Math.floor(took.length * quantile)] ?? Number.NaN) * 1000;
    const rps = took.length / Number(seconds);
    console.log(JSON.stringify({ requests: took.length, rps, p50Us: at(0.5), p99Us: at(0.99), failed }));
    process.exit(0);
  },
  Number(seconds) * 1000,
);
