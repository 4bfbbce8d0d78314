// `node test/web/screenshots.ts [NAME…]`: pictures of the dashboard for the README, into docs/images. With pngquant on the path they
// are made small; more than 150 KB each is an error.
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { desktop, launch, open, phone, settled } from './browser.fixture.ts';
import type { View } from './browser.fixture.ts';
import { fakeControl } from './fake-control.fixture.ts';
import { firstInvocation } from './places.fixture.ts';

const directory = process.env['WEIR_IMAGES'] ?? fileURLToPath(new URL('../../docs/images', import.meta.url));
const mostBytes = 150_000;

interface Picture {
  readonly name: string;
  readonly place: string;
  readonly view: View;
}

const control = await fakeControl({ past: 120 });
const invocation = await firstInvocation(control.origin, 'api/checkout', 'cold');
const tall = { ...desktop, height: 1000 };
const pictures: readonly Picture[] = [
  { name: 'overview', place: '/', view: { ...desktop, height: 1080 } },
  { name: 'overview-dark', place: '/', view: { ...desktop, height: 1080, dark: true } },
  { name: 'function', place: '/function/shop/api/cart', view: { ...desktop, height: 1180 } },
  { name: 'deployments', place: '/deployments/shop', view: { ...desktop, height: 900 } },
  { name: 'logs', place: '/logs', view: desktop },
  { name: 'invocation', place: `/invocation/${invocation}`, view: { ...desktop, height: 860 } },
  { name: 'usage', place: '/usage', view: tall },
  { name: 'settings', place: '/settings/shop', view: desktop },
  { name: 'overview-phone', place: '/', view: { ...phone, scale: 2 } },
  { name: 'function-phone-dark', place: '/function/shop/api/cart', view: { ...phone, scale: 2, dark: true } },
];

const only = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const browser = await launch();
for (const { name, place, view } of pictures) {
  if (only.length > 0 && !only.includes(name)) continue;
  const { page, faults } = await open(browser, control.origin, place, view);
  await settled(page);
  await page.waitForTimeout(2500);
  const file = `${directory}/${name}.png`;
  await page.screenshot({ path: file });
  spawnSync('pngquant', ['--force', '--skip-if-larger', '--speed', '1', '--output', file, '128', file]);
  const { size } = statSync(file);
  process.stdout.write(`${name}: ${Math.round(size / 1000)} KB ${faults.join(' ')}\n`);
  if (size > mostBytes) process.exitCode = 1;
  await page.context().close();
}
await browser.close();
await control.close();
for (const fault of control.faults) process.stderr.write(`${fault}\n`);
