import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BeginsPolicy } from './begins.ts';

const observe = (policy: BeginsPolicy, us: number, times: number): void => {
  for (let seen = 0; seen < times; seen += 1) policy.observe(us);
};

test('prompt until eight quick ones were seen', () => {
  const policy = new BeginsPolicy();
  observe(policy, 10, 7);
  assert.equal(policy.mode, 'prompt');
  assert.equal(policy.observe(10), true);
  assert.equal(policy.mode, 'batched');
  assert.equal(policy.observe(10), false);
});

test('between the thresholds nothing changes', () => {
  const slow = new BeginsPolicy();
  observe(slow, 75, 100);
  assert.equal(slow.mode, 'prompt');
  observe(slow, 10, 100);
  observe(slow, 75, 100);
  assert.equal(slow.mode, 'batched');
});

test('functions that keep the loop are prompt again within a few; one that did is forgiven', () => {
  const policy = new BeginsPolicy();
  observe(policy, 10, 100);
  policy.observe(5_000_000);
  assert.equal(policy.mode, 'batched');
  observe(policy, 20_000, 3);
  assert.equal(policy.mode, 'prompt');
});
