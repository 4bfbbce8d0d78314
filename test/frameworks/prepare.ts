// `node test/frameworks/prepare.ts [NAME…]`: makes the applications in frameworks/ ready for their tests, two at a time.
import { applicationNames, prepare } from './application.ts';
import type { ApplicationName } from './application.ts';

const asked = process.argv.slice(2) as ApplicationName[];
// Those that take longest come first.
const waiting = asked.length === 0 ? [...applicationNames] : asked;

async function prepareAll(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    process.stdout.write(`${await prepare(name)}\n`);
  }
}

await Promise.all([prepareAll(), prepareAll()]);
