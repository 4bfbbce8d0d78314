import { setTimeout as sleep } from 'node:timers/promises';

async function* words() {
  for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
    yield new TextEncoder().encode(word);
    await sleep(100);
  }
}

export function GET() {
  return new Response(ReadableStream.from(words()), { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}
