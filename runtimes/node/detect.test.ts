import assert from 'node:assert/strict';
import * as http from 'node:http';
import { test } from 'node:test';
import { detect } from './detect.ts';
import type { Handler } from './detect.ts';

const handler = (): void => undefined;
const kind = (found: Handler | null): string => {
  if (found === null) return 'none';
  if (found.kind === 'function') return found.helpers ? 'function' : 'app';
  if (found.kind === 'server') return 'server';
  return `web ${[...Object.keys(found.handlers.methods), ...(found.handlers.fetch === null ? [] : ['fetch'])].join()}`;
};

test('exports, in the order of the contract', () => {
  const app = Object.assign(() => undefined, { listen: handler });
  const cases: readonly (readonly [string, unknown])[] = [
    ['web GET,POST', { GET: handler, POST: handler, helper: handler }],
    ['web fetch', { default: { fetch: handler } }],
    ['web GET,fetch', { default: { fetch: handler, GET: handler } }],
    ['web GET', { default: Object.assign(() => undefined, { GET: handler }) }],
    ['function', { default: handler }],
    ['function', { default: { default: { default: { default: { default: handler } } } } }],
    ['none', { default: { default: { default: { default: { default: { default: handler } } } } } }],
    ['app', { default: app }],
    ['server', { default: http.createServer(handler) }],
    ['none', { default: http.createServer() }],
    ['web GET', { GET: handler, default: { runtime: 'nodejs' } }],
    ['function', { GET: handler, default: handler }],
    ['none', { default: { get: handler }, config: {} }],
    ['none', { default: 'text' }],
    ['none', {}],
    ['none', null],
  ];
  for (const [expected, module] of cases) assert.equal(kind(detect(module)), expected);
});

test('web handlers are called on what they were found on', () => {
  const app = { fetch: handler };
  const found = detect({ default: app });
  assert.equal(found?.kind === 'web' && found.handlers.self, app);
});
