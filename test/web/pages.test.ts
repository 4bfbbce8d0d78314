// Every page, in a real browser: nothing goes wrong in it, and nobody is kept out by how it is made.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { desktop, launch, open, phone, settled } from './browser.fixture.ts';
import { fakeControl } from './fake-control.fixture.ts';
import type { FakeControl } from './fake-control.fixture.ts';
import { firstInvocation, placesOf } from './places.fixture.ts';

let browser: Browser;
let busy: FakeControl;
let empty: FakeControl;
let places: Readonly<Record<string, string>>;

before(async () => {
  [browser, busy, empty] = await Promise.all([launch(), fakeControl({ past: 30 }), fakeControl({ empty: true })]);
  places = placesOf(await firstInvocation(busy.origin, 'api/checkout'));
});
after(async () => {
  await Promise.all([browser.close(), busy.close(), empty.close()]);
});

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe-core finds serious. It is run past the page's policy, by the protocol of the browser. */
async function violationsOf(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'axe.run(document).then(({ violations }) => JSON.stringify(violations))',
    awaitPromise: true,
    returnByValue: true,
  });
  const found = JSON.parse(String(result.value)) as Violation[];
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}

async function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

for (const name of Object.keys(placesOf(''))) {
  test(`${name}: no errors, no serious violation, no wider than the screen`, async () => {
    for (const view of [desktop, { ...desktop, dark: true }, phone, { ...phone, dark: true }]) {
      const { page, faults } = await open(browser, busy.origin, places[name] ?? '', view);
      await settled(page);
      const what = `${view.width} px, ${view.dark === true ? 'dark' : 'light'}`;
      // Both widths and both colours, once each: axe-core takes seconds for a page.
      if ((view.width === phone.width) === (view.dark === true)) assert.deepEqual(await violationsOf(page), [], what);
      assert.equal(await overflowOf(page), 0, what);
      assert.deepEqual(faults, [], what);
      await page.context().close();
    }
  });
}

test('where there is nothing yet, pages say what to do next', async () => {
  const next: Readonly<Record<string, RegExp>> = {
    '/': /weir deploy/,
    '/deployments': /weir deploy --prod/,
    '/logs': /console\.log/,
    '/invocations': /Call the function/,
    '/settings': /weir deploy/,
    '/usage': /Nothing was used/,
  };
  for (const [place, text] of Object.entries(next)) {
    const { page, faults } = await open(browser, empty.origin, place, phone);
    await settled(page);
    await page.waitForSelector('.empty');
    assert.match(await page.innerText('main'), text, place);
    assert.deepEqual(await violationsOf(page), [], place);
    assert.deepEqual(faults, [], place);
    await page.context().close();
  }
});

test('the sign-in page is as good', async () => {
  const { page, faults } = await open(browser, busy.origin, '/', { ...phone, role: null });
  await page.waitForSelector('.sign-in');
  assert.deepEqual(await violationsOf(page), []);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('the API liked all that it was asked, and all that was answered', () => {
  assert.deepEqual([...busy.faults, ...empty.faults], []);
});
