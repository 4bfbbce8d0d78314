import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getEnv } from '@vercel/functions';
import { platformVariables } from './environment.ts';

const facts = {
  environment: 'production',
  project: 'shop',
  deployment: 'dep_1',
  url: 'shop.localhost:3000',
  region: 'dev1',
} as const;

test('packages of the hosted platform find their variables', () => {
  const found = getEnv(platformVariables(facts));
  assert.equal(found.VERCEL, '1');
  assert.equal(found.VERCEL_ENV, 'production');
  assert.equal(found.VERCEL_URL, 'shop.localhost:3000');
  assert.equal(found.VERCEL_PROJECT_PRODUCTION_URL, 'shop.localhost:3000');
  assert.equal(found.VERCEL_REGION, 'dev1');
  assert.equal(found.VERCEL_DEPLOYMENT_ID, 'dep_1');
});

test('the same under names of ours; Node’s own is one of two', () => {
  const found = platformVariables(facts);
  for (const name of ['ENV', 'URL', 'REGION', 'PROJECT_ID', 'DEPLOYMENT_ID']) {
    assert.equal(found[`WEIR_${name}`], found[`VERCEL_${name}`]);
  }
  assert.equal(found['NODE_ENV'], 'production');
  assert.equal(platformVariables({ ...facts, environment: 'preview' })['NODE_ENV'], 'production');
  assert.equal(platformVariables({ ...facts, environment: 'development' })['NODE_ENV'], 'development');
});
