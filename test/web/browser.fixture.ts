import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { fakeTokens } from './fake-control.fixture.ts';

/** What the system has. Tests that need it fail where there is none: `apt-get install chromium`, or CHROMIUM=/path/to/it. */
function chromiumPath(): string {
  const known = [
    process.env['CHROMIUM'],
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ];
  const found = known.find((file) => file !== undefined && file !== '' && existsSync(file));
  if (found === undefined)
    throw new Error(
      'The dashboard is tested in Chromium, and there is none: install it (apt-get install chromium), or set CHROMIUM.',
    );
  return found;
}

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath(),
    chromiumSandbox: false,
    args: ['--disable-gpu', '--force-color-profile=srgb'],
  });

export interface View {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly still?: boolean;
  readonly scale?: number;
  /** Whose token is used; null: nobody is signed in. Default: the admin's. */
  readonly role?: keyof typeof fakeTokens | null;
}
export const desktop: View = { width: 1280, height: 800 };
export const phone: View = { width: 390, height: 844 };

export interface Opened {
  readonly page: Page;
  /** What went wrong in it. */
  readonly faults: string[];
}

/** A new tab at `place`, signed in; what its console says of errors, and requests that failed, are faults. */
export async function open(browser: Browser, origin: string, place: string, view: View): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    deviceScaleFactor: view.scale ?? 1,
    colorScheme: view.dark === true ? 'dark' : 'light',
    reducedMotion: view.still === false ? 'no-preference' : 'reduce',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('requestfailed', (request) => {
    // What the page itself gave up, because it shows something else now, did not fail.
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') faults.push(`request: ${request.url()} ${reason}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`response: ${response.status()} ${response.url()}`);
  });
  const role = view.role === undefined ? 'admin' : view.role;
  if (role !== null) await context.addInitScript(`sessionStorage.setItem('weir.token', '${fakeTokens[role]}')`);
  await page.goto(`${origin}/#${place}`);
  return { page, faults };
}

/** Until all that the page asked for has come, and its charts are drawn. By selectors: the page's policy lets no string be run. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector('h1');
  await page.waitForSelector('.waiting', { state: 'detached' });
  await page.waitForSelector('.plot-box:not(:has(canvas))', { state: 'detached' });
}
