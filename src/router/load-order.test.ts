import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FunctionSpec } from '../model/function.ts';
import { loadOf } from './load-order.ts';

const spec: FunctionSpec = {
  id: 'dep_1/api/a',
  label: 'app/api/a',
  project: 'app',
  deployment: 'dep_1',
  environment: 'production',
  name: 'api/a',
  root: '/app',
  entry: '/app/api/a.js',
  launch: 'module',
  config: {
    memoryMiB: 128,
    maxDurationMs: 1000,
    maxConcurrency: 'auto',
    weight: 1,
    runtime: 'nodejs24.x',
    helpers: true,
    environment: {},
  },
};

test('flags of a function reach its instance; what says nothing is left out', () => {
  const plain = loadOf(spec, 5);
  assert.deepEqual([plain.launch, plain.helpers, plain.maxConcurrency], ['module', true, 5]);
  assert.equal(loadOf({ ...spec, config: { ...spec.config, sourceMaps: false } }, 1).sourceMaps, false);
  assert.ok(!('sourceMaps' in plain) && !('assets' in plain) && !('eventExport' in plain));
  assert.equal(loadOf({ ...spec, config: { ...spec.config, helpers: false } }, 1).helpers, false);
  assert.equal(loadOf({ ...spec, config: { ...spec.config, webApi: true } }, 1).launch, 'web');
  assert.equal(loadOf({ ...spec, launch: 'edge', config: { ...spec.config, webApi: true } }, 1).launch, 'edge');
  const assets = [{ name: 'a.ttf', file: '/app/assets/a.ttf' }];
  assert.deepEqual(loadOf({ ...spec, launch: 'edge', assets }, 1).assets, { 'a.ttf': '/app/assets/a.ttf' });
  assert.equal(loadOf({ ...spec, bytecodeDir: '/run/1' }, 1).bytecode, '/run/1');
  assert.equal(loadOf({ ...spec, launch: 'event', eventExport: 'main' }, 1).eventExport, 'main');
});
