import { setTimeout as sleep } from 'node:timers/promises';
import { defineEventHandler, setHeader } from 'h3';

export default defineEventHandler((event) => {
  setHeader(event, 'content-type', 'text/plain; charset=utf-8');
  return ReadableStream.from(words());
});

async function* words() {
  for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
    yield new TextEncoder().encode(word);
    await sleep(50);
  }
}
