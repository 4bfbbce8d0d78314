// `node test/frameworks/prepare.ts [TEST_FILE…]`: makes the applications that these test files are named after ready, or
// all of them, two at a time.
import { basename } from 'node:path';
import { applicationNames, prepare } from './application.ts';
import type { ApplicationName } from './application.ts';

const asked = process.argv.slice(2).flatMap((file): readonly ApplicationName[] => {
  const named = applicationNames.filter((name) => basename(file).startsWith(name));
  return named.length > 0 ? named : applicationNames;
});
// Those that take longest come first.
const waiting = applicationNames.filter((name) => asked.length === 0 || asked.includes(name));

async function prepareAll(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    process.stdout.write(`${await prepare(name)}\n`);
  }
}

await Promise.all([prepareAll(), prepareAll()]);
