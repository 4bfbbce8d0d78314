import { setTimeout as sleep } from 'node:timers/promises';

async function* words() {
  for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
    yield new TextEncoder().encode(word);
    await sleep(50);
  }
}

export const GET = () =>
  new Response(ReadableStream.from(words()), { headers: { 'content-type': 'text/plain; charset=utf-8' } });
