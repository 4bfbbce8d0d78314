import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readShell } from '../../src/edge/prerender/shell.ts';
import { withShells } from './next-shell.ts';

const entry = (postponed: unknown): object => ({
  value: {
    postponed,
    html: { toUnchunkedString: () => '<html>' },
    headers: { 'x-next-cache-tags': 'a', gone: undefined },
  },
  cacheControl: { revalidate: 60, expire: 100 },
});

class FakeAnswer {
  statusCode = 0;
  body: string | null = null;
  readonly headers = new Map<string, unknown>();
  setHeader(name: string, value: unknown): void {
    this.headers.set(name, value);
  }
  end(text: string): void {
    this.body = text;
  }
}

/** A launcher as Next.js' adapters write it, that has `handed` to hand over. */
function launcher(handed: object): { handle: (req: unknown, res: unknown) => unknown; results: unknown[] } {
  const results: unknown[] = [];
  const run = (req: unknown, _res: unknown, metadata?: { onCacheEntryV2(entry: object): unknown }): void => {
    (req as { url: string }).url = '/index';
    results.push(metadata?.onCacheEntryV2(handed) ?? 'plain');
  };
  const handle = Object.assign((req: unknown, res: unknown) => run(req, res), {
    getRequestHandlerWithMetadata: (metadata: never) => (req: unknown, res: unknown) => run(req, res, metadata),
  });
  return { handle, results };
}

const ask = (handed: object, url: string, headers: object): { answer: FakeAnswer; results: unknown[] } => {
  const { handle, results } = launcher(handed);
  const answer = new FakeAnswer();
  withShells(handle)!({ url, headers }, answer);
  return { answer, results };
};

test('a page that is begun is answered with its state, in the form of a build', () => {
  const { answer, results } = ask(entry('{ü}'), '/', { 'x-weir-page': '1' });
  assert.deepEqual([results, answer.statusCode, answer.body], [[true], 200, '{ü}<html>']);
  assert.equal(answer.headers.get('cache-control'), 's-maxage=60, stale-while-revalidate=40');
  assert.equal(answer.headers.get('x-next-cache-tags'), 'a');
  assert.equal(answer.headers.has('gone'), false);
  const shell = readShell(String(answer.headers.get('content-type')), Buffer.from(answer.body!));
  assert.deepEqual(shell, { stateBytes: 4, type: 'text/html; charset=utf-8' });
});

test('of data the state alone', () => {
  const { answer } = ask(entry('{}'), '/index.rsc?x', { 'x-weir-page': '1' });
  assert.equal(answer.body, '{}');
  assert.match(String(answer.headers.get('content-type')), /state-length=2; origin="text\/x-component"/);
});

test('what is complete, or is not made to be kept, is Next.js’ own answer', () => {
  assert.deepEqual(ask(entry(undefined), '/', { 'x-weir-page': '1' }).results, [false]);
  assert.deepEqual(ask({ value: null }, '/', { 'x-weir-page': '1' }).results, [false]);
  assert.deepEqual(ask(entry('{}'), '/', {}).results, ['plain']);
  assert.equal(
    withShells(() => undefined),
    null,
  );
});
