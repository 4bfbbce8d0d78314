// What people do with the dashboard, in a real browser.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { desktop, launch, open, phone, settled } from './browser.fixture.ts';
import type { Opened, View } from './browser.fixture.ts';
import { fakeControl, fakeTokens } from './fake-control.fixture.ts';
import type { FakeControl } from './fake-control.fixture.ts';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** A control and a page of it; both end with the test, which fails for what went wrong in either. */
async function scene(
  t: TestContext,
  place: string,
  view: Partial<View> = {},
): Promise<Opened & { control: FakeControl }> {
  const control = await fakeControl({ tickMs: 100 });
  const opened = await open(browser, control.origin, place, { ...desktop, ...view });
  t.after(async () => {
    await opened.page.context().close();
    await control.close();
  });
  return { ...opened, control };
}

const focused = (page: Page): Promise<string> =>
  page.evaluate(
    '(document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim()',
  );

/** Tab, until the focus is there. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const seen: string[] = [];
  for (let count = 0; count < 60; count += 1) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    if (name.test(at)) return;
    seen.push(at);
  }
  assert.fail(`Tab does not reach ${String(name)}: ${seen.join(' | ')}`);
}

test('a wrong token is refused with what the API says; a right one signs in, for this tab alone', async (t) => {
  const { page, control } = await scene(t, '/', { role: null });
  await page.fill('input[type=password]', 'weir_wrong');
  await page.click('text=Sign in >> nth=-1');
  await page.waitForSelector('[role=alert]');
  assert.match(await page.innerText('[role=alert]'), /This token is not known here, or was revoked\..*weir login/s);
  await page.fill('input[type=password]', fakeTokens.deploy);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.hero');
  assert.match(await page.innerText('.side-who'), /ci · deploy/);
  assert.equal(await page.evaluate('localStorage.getItem("weir.token")'), null);
  await page.click('[aria-label="Sign out"]');
  await page.waitForSelector('.sign-in');
  await page.fill('input[type=password]', fakeTokens.read);
  await page.check('input[type=checkbox]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.sign-in', { state: 'detached' });
  assert.equal(await page.evaluate('localStorage.getItem("weir.token")'), fakeTokens.read);
  assert.deepEqual(control.faults, []);
});

test('a token in the address signs in, and is taken out of the address', async (t) => {
  const { page, faults } = await scene(t, `token=${fakeTokens.admin}`, { role: null });
  await page.waitForSelector('.hero');
  assert.ok(!page.url().includes('weir_'), page.url());
  assert.equal(await page.evaluate('history.length'), 2, 'no entry of the history has it: about:blank, and the page');
  assert.deepEqual(faults, []);
});

test('what a token was revoked while it was used leads to the sign-in page', async (t) => {
  const { page } = await scene(t, '/', { role: null });
  await page.evaluate('sessionStorage.setItem("weir.token", "weir_old")');
  await page.reload();
  await page.waitForSelector('.sign-in');
  assert.match(await page.innerText('.failure'), /not known here, or was revoked/);
});

test('the keyboard reaches promote; the dialog holds the focus; Escape closes it and gives the focus back', async (t) => {
  const { page, control, faults } = await scene(t, '/deployments/shop');
  await settled(page);
  await page.waitForSelector('text=Promote again');
  await tabTo(page, /^Skip to/);
  await tabTo(page, /^Promote dep_/);
  const opener = await focused(page);
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  for (let count = 0; count < 5; count += 1) {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.closest("dialog") !== null'), true);
  }
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.waitForFunction('document.activeElement !== document.body');
  assert.equal(await focused(page), opener);
  assert.ok(!control.calls.includes('promote'));
  await page.keyboard.press('Enter');
  await page.click('dialog .primary');
  await page.waitForSelector('.announcer.shown');
  assert.ok(control.calls.includes('promote'));
  const live = await page.innerText('.deployment.live');
  assert.ok(live.includes(opener.replace('Promote ', '')), live);
  assert.deepEqual([...faults, ...control.faults], []);
});

test('what has the focus is seen to have it', async (t) => {
  const { page } = await scene(t, '/');
  await settled(page);
  for (let count = 0; count < 14; count += 1) {
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(
      '((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2)(getComputedStyle(document.activeElement))',
    );
    assert.equal(outline, true, await focused(page));
  }
});

test('roll back asks first, and goes back', async (t) => {
  const { page, control, faults } = await scene(t, '/deployments/shop');
  await settled(page);
  const before = await page.innerText('.deployment.live .deployment-title');
  await page.click('text=Roll back');
  await page.click('dialog .danger');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.waitForSelector('.deployment.live:has-text("Checkout waits")');
  assert.notEqual(await page.innerText('.deployment.live .deployment-title'), before);
  assert.ok(control.calls.includes('rollback'));
  assert.deepEqual([...faults, ...control.faults], []);
});

test('who may only read sees the buttons, and why they are off', async (t) => {
  const { page, control, faults } = await scene(t, '/deployments/shop', { role: 'read' });
  await settled(page);
  const button = page.locator('button:has-text("Roll back")');
  await page.waitForSelector('button:has-text("Roll back")[aria-disabled=true]');
  assert.equal(await button.getAttribute('title'), 'Your token may read; this needs one that may deploy.');
  await button.focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('dialog').count(), 0);
  await page.goto(`${control.origin}/#/settings?tab=tokens`);
  await page.waitForSelector('text=this needs one that may admin');
  assert.deepEqual([...faults, ...control.faults], []);
});

test('what happens is shown as it happens', async (t) => {
  const { page, faults } = await scene(t, '/', { still: false });
  await settled(page);
  await page.waitForSelector('.connected.open');
  const seen = new Set<string>();
  while (seen.size < 3) seen.add(await page.innerText('.savings-money'));
  assert.deepEqual(faults, []);
});

test('a stream that breaks is said to have, and goes on by itself', async (t) => {
  const { page, control } = await scene(t, '/');
  await page.waitForSelector('.connected.open');
  const before = control.calls.filter((name) => name === 'nowEvents').length;
  control.breakStreams();
  await page.waitForSelector('.lost');
  await page.waitForSelector('.lost', { state: 'detached' });
  await page.waitForSelector('.connected.open');
  assert.ok(control.calls.filter((name) => name === 'nowEvents').length > before);
});

test('log lines come as they are written, once each after an interruption, and never as markup', async (t) => {
  const { page, control } = await scene(t, '/logs');
  await page.waitForSelector('.log-line');
  assert.ok((await page.innerText('.log-box')).includes('<b>12.00</b>'));
  assert.equal(await page.locator('.log-text b').count(), 0);
  const came = async () => page.locator('.log-line').count();
  const before = await came();
  control.breakStreams();
  while ((await came()) < before + 8) await page.waitForTimeout(20);
  assert.ok(Number(control.resumed[0]) >= 1000, 'it goes on where it stopped, not from the beginning');
  await page.fill('input[type=search]', 'bank took');
  await page.waitForSelector('.log-line.info', { state: 'detached' });
  await page.waitForSelector('.log-line.warn');
  assert.match(page.url(), /text=bank/);
  await page.click('text=Hold');
  await page.waitForSelector('.log-newer');
  assert.deepEqual(control.faults, []);
});

test('200 requests are sent at once, and what came is told', async (t) => {
  const { page, control, faults } = await scene(t, '/');
  await page.waitForSelector('.load-none');
  await page.click('text=Send 200 concurrent requests');
  await page.waitForSelector('.load-result');
  assert.match(await page.innerText('.load-result'), /200 answered by 4 instances in 1\.18 s/);
  assert.equal(control.calls.filter((name) => name === 'load').length, 1);
  await page.waitForSelector('.announcer.shown');
  assert.deepEqual([...faults, ...control.faults], []);
});

test('variables, domains and tokens are made and removed', async (t) => {
  const { page, control, faults } = await scene(t, '/settings/shop');
  await page.fill('[placeholder=DATABASE_URL]', 'GREETING');
  await page.fill('textarea', '<i>hello</i>');
  await page.click('button:text-is("Set")');
  await page.waitForSelector('td:has-text("<i>hello</i>")');
  await page.click('[aria-label="Remove GREETING"]');
  await page.click('dialog .danger');
  await page.waitForSelector('td:has-text("<i>hello</i>")', { state: 'detached' });
  await page.goto(`${control.origin}/#/settings/shop?tab=domains`);
  await page.fill('[placeholder="shop.example.com"]', 'shop.example.com');
  await page.click('button:text-is("Add")');
  await page.waitForSelector('[role=alert]:has-text("leads to another project")');
  await page.goto(`${control.origin}/#/settings?tab=tokens`);
  await page.fill('[placeholder=ci]', 'robot');
  await page.click('button:text-is("Make")');
  await page.waitForSelector('dialog .secret');
  await page.click('text=I have it');
  await page.waitForSelector('th:has-text("robot")');
  assert.deepEqual(control.faults, []);
  assert.deepEqual(
    faults.filter((fault) => !fault.includes('409')),
    [],
  );
});

test('crons are run, paused, and resumed; who may only read sees them', async (t) => {
  const { page, control, faults } = await scene(t, '/deployments/shop');
  await page.waitForSelector('text=every day at 05:00 UTC');
  await page.click('[aria-label="Run now: /api/tidy"]');
  await page.waitForSelector('tr:has-text("/api/tidy") .badge.good');
  await page.click('[aria-label="Pause /api/report"]');
  await page.waitForSelector('tr:has-text("/api/report") .badge:has-text("paused")');
  await page.click('[aria-label="Resume /api/report"]');
  await page.waitForSelector('[aria-label="Pause /api/report"]');
  await page.click('[aria-label="History of /api/sync?full=1"]');
  await page.waitForSelector('dialog .badge:has-text("failed 500")');
  await page.keyboard.press('Escape');
  await page.goto(`${control.origin}/#/deployments/docs`);
  await page.waitForSelector('.empty:has-text("weir.json")');
  assert.deepEqual([...faults, ...control.faults], []);
  const reader = await open(browser, control.origin, '/deployments/shop', { ...desktop, role: 'read' });
  await reader.page.waitForSelector('[aria-label="Run now: /api/tidy"][aria-disabled=true]');
  await reader.page.context().close();
});

test('crashes of the last day: their stack, and the invocation to blame', async (t) => {
  const { page, control, faults } = await scene(t, '/');
  await page.click('[aria-label="Stack of crash 2"]');
  await page.waitForSelector('dialog .stack:has-text("reading \'iban\'")');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.equal(await page.getAttribute('.crashes td a', 'href'), '#/invocation/inv_of_crash');
  await page.goto(`${control.origin}/#/function/shop/api/checkout`);
  await page.waitForSelector('.crashes');
  await page.goto(`${control.origin}/#/function/shop/api/cart`);
  await page.waitForSelector('h1:has-text("api/cart")');
  await settled(page);
  assert.equal(await page.locator('.crashes').count(), 0);
  assert.deepEqual([...faults, ...control.faults], []);
});

test('keys lead to pages, and the page that is new begins at its heading', async (t) => {
  const { page, faults } = await scene(t, '/');
  await settled(page);
  await page.keyboard.press('g');
  await page.keyboard.press('u');
  await page.waitForSelector('h1:text-is("Usage")');
  assert.equal(await focused(page), 'Usage');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.deepEqual(faults, []);
});

test('every chart has its numbers as a table', async (t) => {
  const { page, faults } = await scene(t, '/function/shop/api/cart', phone);
  await settled(page);
  const charts = await page.locator('.plot').count();
  assert.ok(charts >= 5);
  assert.equal(await page.locator('.plot details').count(), charts);
  assert.match(
    (await page.locator('.plot-box').first().getAttribute('aria-label')) ?? '',
    /^Duration\. p50: .* to .*, at last /,
  );
  await page.locator('.plot summary').first().click();
  assert.ok((await page.locator('.plot table tbody tr').count()) > 10);
  assert.deepEqual(faults, []);
});

test('what comes later moves nothing that was there', async (t) => {
  const { page } = await scene(t, '/');
  await settled(page);
  await page.waitForTimeout(500);
  const shift = await page.evaluate(
    'new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({ type: "layout-shift", buffered: true }) ?? setTimeout(() => done(0), 300))',
  );
  assert.ok(Number(shift) < 0.1, `cumulative layout shift ${String(shift)}`);
});
