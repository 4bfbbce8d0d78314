// Logs without an end, and says what is written. Ended by a kill -9.
import { channels } from '../../base/channels.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { line } from './logs.fixture.ts';
import { openLogStore } from './log-store.ts';

const store = await openLogStore({ file: process.argv[2]!, clock: systemClock, log: silentLog });
for (let at = 1; ; at += 1) {
  channels.log.publish(line(`line ${at} end`));
  if (at % 1_000 !== 0) continue;
  await store.flush();
  process.stdout.write(`${at}\n`);
}
