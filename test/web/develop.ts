// `node test/web/develop.ts [--empty] [--port 3950]`: the dashboard as it is now, before a control that only pretends.
import { parseArgs } from 'node:util';
import { fakeControl, fakeTokens } from './fake-control.fixture.ts';

const { values } = parseArgs({
  options: { empty: { type: 'boolean', default: false }, port: { type: 'string', default: '3950' } },
});
const { origin } = await fakeControl({ empty: values.empty, port: Number(values.port), past: 120, fresh: true });
for (const [role, token] of Object.entries(fakeTokens)) {
  process.stdout.write(`${role.padEnd(8)}${origin}/#token=${token}\n`);
}
