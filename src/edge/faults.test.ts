import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output, Prerender } from '../model/output.ts';
import type { Condition, Routing } from '../model/routing.ts';
import { deploymentFaults } from './faults.ts';

const table = (some: Partial<Routing>): Routing => ({
  rules: [],
  wildcard: [],
  images: null,
  afterCacheBypass: [],
  ...some,
});

const page = (...bypassFor: Condition[]): Output => ({
  kind: 'prerender',
  functionId: 'dep_1/page',
  prerender: { bypassFor } as unknown as Prerender,
});

test('every pattern that cannot be compiled is named, wherever it stands', () => {
  const faults = deploymentFaults({
    routing: table({
      rules: [{ src: '^/(', dest: '/a' }],
      afterCacheBypass: [
        { name: 'one', hasAll: [{ type: 'request.header', key: 'accept', value: null }] },
        { name: 'two', hasAll: [{ type: 'cache.response.header', key: 'x-a', value: '(' }] },
      ],
    }),
    outputs: new Map([
      ['about', page()],
      ['posts/[id]', page({ type: 'header', key: 'next-action' }, { type: 'cookie', key: 'a', value: '[' })],
    ]),
  });
  assert.equal(faults.length, 3);
  assert.match(faults[0]!, /^routes\[0\] \(src "\^\/\("\): /);
  assert.match(faults[1]!, /^afterCacheBypass\[1\]\.hasAll\[0\]\.value: Invalid regular expression/);
  assert.match(faults[2]!, /^posts\/\[id\]: experimentalBypassFor\[1\]: Invalid regular expression/);
});

test('what can be served has none', () => {
  assert.deepEqual(deploymentFaults({ routing: null, outputs: null }), []);
  const outputs = new Map([['about', page({ type: 'header', key: 'next-action' })]]);
  assert.deepEqual(deploymentFaults({ routing: table({ rules: [{ src: '^/a$', dest: '/b' }] }), outputs }), []);
});
