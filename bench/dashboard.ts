import { desktop, launch, open, phone } from '../test/web/browser.fixture.ts';
import { fakeControl } from '../test/web/fake-control.fixture.ts';
import { median } from './report.ts';
import type { Row } from './report.ts';

/**
 * How soon the dashboard is seen, from loopback, in Chromium with nothing in its cache: the first paint with content, as the
 * browser tells it, and the first figures, as soon as they are in the document. Target: the former within 500 ms.
 * Run: `npm run bench -- --only dashboard`.
 */
export async function dashboardBench(rounds: number): Promise<Row[]> {
  const control = await fakeControl({ past: 60 });
  const browser = await launch();
  const rows: Row[] = [];
  try {
    for (const [name, view] of Object.entries({ desktop, phone })) {
      const paints: number[] = [];
      const figures: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const { page } = await open(browser, control.origin, '/', view);
        paints.push(await page.evaluate(firstPaint));
        await page.waitForSelector('.figure-value:has-text("/s")');
        figures.push(await page.evaluate('performance.now()'));
        await page.context().close();
      }
      rows.push({
        screen: name,
        'first paint, ms': median(paints),
        slowest: Math.max(...paints),
        'figures, ms': median(figures),
      });
    }
  } finally {
    await browser.close();
    await control.close();
  }
  return rows;
}

const firstPaint = `new Promise((done) => new PerformanceObserver((list) => {
  const paint = list.getEntriesByName('first-contentful-paint')[0];
  if (paint !== undefined) done(paint.startTime);
}).observe({ type: 'paint', buffered: true }))`;
