// What becomes of deployments, over time and restarts: with a clock that is told to move, and nothing that is built.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { ApiError } from '../../src/api/errors.ts';
import type { DeploymentMaker } from '../../src/control/deployments/maker.ts';
import { local, made, makingEnd, once, orderOf, type Local } from './local.ts';
import { sha256, temporary } from './rig.ts';

const refused = (code: string) => (error: unknown) => error instanceof ApiError && error.code === code;
const liveOf = ({ control }: Local, project = 'shop') => control.projects.require(project).live;
const stateOf = ({ control }: Local, id: string) => control.deployments.require(id).state;
const snapshotOf = ({ snapshots }: Local) => snapshots.at(-1)!;
const aliasOf = (platform: Local, host = 'shop.localhost') =>
  snapshotOf(platform).aliases!.find((each) => each.host === host) ?? null;
/** Turns of the loop, not time: what does not come about by then does not. */
const until = async (holds: () => boolean): Promise<void> => {
  for (let turns = 0; !holds(); turns += 1) {
    assert.ok(turns < 200_000, holds.toString());
    await new Promise(setImmediate);
  }
};
/** What is done from time to time is done again when it has ended: so many times. */
const sweep = async ({ clock }: Local, times = 3): Promise<void> => {
  for (let count = 0; count < times; count += 1) {
    clock.advance(limits.controlSweepMs);
    await new Promise(setImmediate);
  }
};
const dayMs = 86_400_000;

test('of two that are made at once the one that was deployed last is live, whichever is ready first', async (t) => {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const make: DeploymentMaker['make'] = async (order) => {
    const gate = Promise.withResolvers<void>();
    gates.set(order.id, gate);
    await gate.promise;
    return made(order);
  };
  const platform = await local(t, { maker: { make } });
  const { control, clock } = platform;
  await control.blobs.put(sha256('hello'), 0, once('hello'));
  const begin = async () => {
    const { record } = await control.deployments.create('shop', orderOf(), null);
    await control.deployments.finish(record.id);
    clock.advance(1_000);
    await until(() => gates.has(record.id));
    return record.id;
  };
  const [first, second] = [await begin(), await begin()];
  gates.get(second)!.resolve();
  await makingEnd(control, second);
  assert.equal(liveOf(platform), second);
  gates.get(first)!.resolve();
  await makingEnd(control, first);
  assert.equal(stateOf(platform, first), 'ready');
  assert.equal(liveOf(platform), second);
});

test('what is made again after a restart takes nobody’s place, and what is not there any more is made again', async (t) => {
  const dir = temporary(t);
  const first = await local(t, { dir });
  const old = await first.deploy('shop', {}, 'old');
  first.clock.advance(1_000);
  const now = await first.deploy('shop', {}, 'now');
  assert.equal(liveOf(first), now.id);
  await first.control.close();
  // One is gone, one is damaged, of one the whole folder is missing.
  rmSync(join(dir, 'deployments', old.id, 'definition.json'));
  writeFileSync(join(dir, 'deployments', now.id, 'definition.json'), '{"format":1,"deployment":{');
  mkdirSync(join(dir, 'deployments', 'dep_stranger000'));

  const second = await local(t, { dir, seed: 2 });
  await until(() => [old, now].every(({ id }) => second.control.served.has(id)));
  for (const { id } of [old, now]) await makingEnd(second.control, id);
  assert.equal(liveOf(second), now.id);
  assert.equal(aliasOf(second)!.deployment, now.id);
  assert.deepEqual(readdirSync(join(dir, 'deployments')).toSorted(), [old.id, now.id].toSorted());
  await second.control.close();

  // What keeps it from being made may pass: it stays what it was, and is tried again.
  rmSync(join(dir, 'deployments', now.id), { recursive: true });
  const make = (): Promise<never> => Promise.reject(new UsageError('no network today'));
  const third = await local(t, { dir, seed: 3, maker: { make } });
  await makingEnd(third.control, now.id);
  await until(() => stateOf(third, now.id) === 'ready');
  assert.equal(liveOf(third), now.id);
  assert.equal(third.control.served.has(now.id), false);
  assert.match(third.logged.join('\n'), /no network today/);
  assert.throws(() => third.control.deployments.promote(now.id, null), refused('WRONG_STATE'));
  await third.control.close();
  const fourth = await local(t, { dir, seed: 4 });
  await until(() => fourth.control.served.has(now.id));
  assert.equal(aliasOf(fourth)!.deployment, now.id);
});

test('what was being made when the control stopped is made when it starts', async (t) => {
  const dir = temporary(t);
  const first = await local(t, { dir });
  await first.control.blobs.put(sha256('hello'), 0, once('hello'));
  const { record } = await first.control.deployments.create('shop', orderOf(), null);
  // As a killed process leaves it.
  first.control.store.move(record.id, 'building');
  mkdirSync(join(dir, 'deployments', record.id, 'tree', 'half'), { recursive: true });
  await first.control.close();
  const second = await local(t, { dir });
  await makingEnd(second.control, record.id);
  assert.equal(stateOf(second, record.id), 'ready');
  assert.equal(liveOf(second), record.id);
  assert.equal(existsSync(join(dir, 'deployments', record.id, 'tree', 'half')), false);
});

test('promoting a preview makes a production deployment of it, live also after a rollback', async (t) => {
  const platform = await local(t);
  const { control, clock } = platform;
  const one = await platform.deploy('shop', {}, 'one');
  clock.advance(1_000);
  const two = await platform.deploy('shop', {}, 'two');
  const preview = await platform.deploy('shop', { target: 'preview' }, 'three');
  control.deployments.rollback(control.projects.require('shop'), undefined, null);
  assert.equal(liveOf(platform), one.id);
  clock.advance(1_000);
  const waiting = await platform.deploy('shop', {}, 'four');
  assert.equal(liveOf(platform), one.id, 'after a rollback what is deployed waits');
  clock.advance(1_000);
  const copy = control.deployments.promote(preview.id, null);
  assert.deepEqual([copy.target, copy.promotedFrom, copy.state], ['production', preview.id, 'building']);
  await makingEnd(control, copy.id);
  assert.equal(liveOf(platform), copy.id);
  assert.equal(aliasOf(platform)!.deployment, copy.id);
  assert.equal(control.projects.require('shop').autoPromote, true);
  assert.deepEqual(control.store.manifest(copy.id), control.store.manifest(preview.id));
  for (const { id } of [two, waiting, preview]) assert.equal(stateOf(platform, id), 'ready');
});

test('a rolling release: a tenth, half, all; by time or by approval; and back', async (t) => {
  const platform = await local(t);
  const { control, clock } = platform;
  const one = await platform.deploy('shop', {}, 'one');
  const two = await platform.deploy('shop', { promote: false }, 'two');
  assert.equal(liveOf(platform), one.id);
  const order = {
    deployment: two.id,
    stages: [
      { percent: 10, minutes: 5 },
      { percent: 50, minutes: null },
      { percent: 100, minutes: null },
    ],
  };
  const canary = () => aliasOf(platform)!.canary;
  control.projects.startRelease('shop', order, null);
  assert.deepEqual(canary(), { deployment: two.id, percent: 10 });
  assert.throws(() => control.projects.startRelease('shop', order, null), refused('WRONG_STATE'));
  for (const id of [one.id, two.id])
    assert.throws(() => control.deployments.delete(id, null), refused('DEPLOYMENT_IN_USE'));
  // Meanwhile nothing else takes over.
  const three = await platform.deploy('shop', {}, 'three');
  assert.equal(liveOf(platform), one.id);
  clock.advance(5 * 60_000 - limits.controlSweepMs);
  assert.equal(canary()!.percent, 10);
  await sweep(platform);
  assert.equal(canary()!.percent, 50);
  clock.advance(7 * dayMs);
  await sweep(platform);
  assert.equal(canary()!.percent, 50, 'the next one waits for somebody');
  control.projects.moveRelease('shop', 'next', control.deployments, null);
  assert.deepEqual([liveOf(platform), canary(), aliasOf(platform)!.deployment], [two.id, null, two.id]);
  // Another one is called off: clients have what they had.
  control.projects.startRelease('shop', { ...order, deployment: three.id }, null);
  control.projects.moveRelease('shop', 'abort', control.deployments, null);
  assert.deepEqual([liveOf(platform), canary()], [two.id, null]);
  // A rollback ends one.
  control.projects.startRelease('shop', { ...order, deployment: three.id }, null);
  control.deployments.rollback(control.projects.require('shop'), one.id, null);
  assert.deepEqual([liveOf(platform), canary(), control.records.release('shop')], [one.id, null, null]);
});

test('one release that cannot go on keeps no other from going on', async (t) => {
  const platform = await local(t);
  const { control, clock, logged } = platform;
  const stages = [
    { percent: 10, minutes: 1 },
    { percent: 100, minutes: null },
  ];
  for (const project of ['a-first', 'b-next']) {
    await platform.deploy(project, {}, 'one');
    const { id } = await platform.deploy(project, { promote: false }, 'two');
    control.projects.startRelease(project, { deployment: id, stages }, null);
    if (project === 'a-first') control.served.remove(id);
  }
  clock.advance(60_000);
  await sweep(platform);
  assert.equal(control.records.release('b-next'), null);
  assert.notEqual(control.records.release('a-first'), null);
  assert.deepEqual(logged, []);
});

test('retention: previews by age, production by number, never what clients are led to; then their files', async (t) => {
  const platform = await local(t);
  const { control, clock, dir } = platform;
  control.projects.ensure('shop', null);
  control.projects.change('shop', { retention: { previewDays: 2, productionCount: 2 } }, null);
  const preview = await platform.deploy('shop', { target: 'preview' }, 'preview');
  const productions: string[] = [];
  for (const text of ['1', '2', '3', '4']) {
    clock.advance(1_000);
    productions.push((await platform.deploy('shop', {}, text)).id);
  }
  const { record: unfinished } = await control.deployments.create('shop', orderOf(), null);
  control.deployments.rollback(control.projects.require('shop'), productions[0], null);
  await control.deployments.retain();
  assert.deepEqual(
    productions.map((id) => stateOf(platform, id)),
    ['ready', 'deleted', 'ready', 'ready'],
  );
  assert.equal(stateOf(platform, unfinished.id), 'uploading');
  assert.equal(stateOf(platform, preview.id), 'ready');
  assert.equal(
    snapshotOf(platform).deployments.some(({ id }) => id === productions[1]),
    false,
  );
  // Its instances may still read.
  assert.equal(existsSync(join(dir, 'deployments', productions[1]!)), true);
  clock.advance(limits.deletedTreeKeptMs);
  await until(() => !existsSync(join(dir, 'deployments', productions[1]!)));
  assert.equal(await control.blobs.size(sha256('2')), 1, 'its files are new');

  control.projects.addDomain('shop', { host: 'next.example', target: 'preview' }, null);
  clock.advance(3 * dayMs);
  await control.deployments.retain();
  assert.equal(stateOf(platform, preview.id), 'ready', 'a domain leads to the newest preview');
  assert.equal(stateOf(platform, unfinished.id), 'deleted');
  control.projects.removeDomain('shop', 'next.example', null);
  await control.deployments.retain();
  assert.equal(stateOf(platform, preview.id), 'deleted');

  // Files that nobody refers to, once they are old; those of the others stay.
  const past = clock.wallMs() / 1000 - 3 * 86_400;
  for (const text of ['1', '2', '3', '4']) utimesSync(control.blobs.path(sha256(text)), past, past);
  clock.advance(limits.blobSweepMs);
  await control.deployments.retain();
  await until(() => !existsSync(control.blobs.path(sha256('2'))));
  for (const text of ['1', '3', '4']) assert.equal(await control.blobs.size(sha256(text)), 1);
});

test('old records beyond many deleted ones are seen, and records of the deleted are bounded', async (t) => {
  const platform = await local(t);
  const { control, clock } = platform;
  const preview = await platform.deploy('shop', { target: 'preview' });
  clock.advance(1_000);
  control.db.run(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     insert into deployments (id, project, target, state, created_ms, creator, promote, directory, file_count, bytes, manifest)
     select 'dep_x' || i, 'shop', 'preview', 'deleted', ? + i, 'x', 1, '', 0, 0, x'00' from n`,
    limits.deletedPerProject + 50,
    clock.wallMs(),
  );
  clock.advance(31 * dayMs);
  await control.deployments.retain();
  assert.equal(control.store.find(preview.id), null, 'deleted, and the oldest of the records');
  assert.equal(control.db.get<{ n: number }>('select count(*) as n from deployments')!.n, limits.deletedPerProject);
});

test('a blob that was said to be there is there when its deployment is finished, whatever is collected', async (t) => {
  const platform = await local(t);
  const { control, clock } = platform;
  await control.blobs.put(sha256('hello'), 0, once('hello'));
  clock.advance(limits.partialBlobKeptMs * 2);
  const past = clock.wallMs() / 1000 - 3 * 86_400;
  for (let turn = 0; turn < 20; turn += 1) {
    utimesSync(control.blobs.path(sha256('hello')), past, past);
    clock.advance(limits.blobSweepMs);
    const collecting = control.deployments.retain();
    // At another moment of it each time.
    for (let turns = 0; turns < turn; turns += 1) await new Promise(setImmediate);
    const { record, missing } = await control.deployments.create('shop', orderOf(), null);
    await collecting;
    if (missing.length > 0) await control.blobs.put(sha256('hello'), 0, once('hello'));
    await control.deployments.finish(record.id);
    await makingEnd(control, record.id);
    assert.equal(stateOf(platform, record.id), 'ready');
    // Nobody refers to it again.
    control.projects.delete('shop', control.deployments, null);
  }
});

test('a project that was deleted, and one of its name: nothing is left of the first', async (t) => {
  const platform = await local(t);
  const { control, clock, dir } = platform;
  const one = await platform.deploy('shop');
  control.projects.setVariable('shop', 'A', { value: 'old', targets: ['production'], secret: true }, null);
  control.projects.addDomain('shop', { host: 'shop.example', target: 'production' }, null);
  control.projects.delete('shop', control.deployments, null);
  assert.deepEqual(snapshotOf(platform).deployments, []);
  assert.deepEqual(snapshotOf(platform).aliases, []);
  assert.throws(() => control.deployments.require(one.id), refused('DEPLOYMENT_NOT_FOUND'));
  const two = await platform.deploy('shop');
  assert.equal(liveOf(platform), two.id);
  assert.deepEqual(control.projects.variables('shop'), []);
  assert.deepEqual(
    control.records.domains('shop').map(({ host }) => host),
    ['shop.localhost'],
  );
  clock.advance(limits.deletedTreeKeptMs);
  await until(() => !existsSync(join(dir, 'deployments', one.id)));
  assert.equal(existsSync(join(dir, 'deployments', two.id)), true);
});

test('what is deleted while it is made leaves nothing behind, and is not served', async (t) => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const make: DeploymentMaker['make'] = async (order) => {
    begun.resolve();
    await gate.promise;
    return made(order);
  };
  const platform = await local(t, { maker: { make } });
  const { control, clock, dir, logged } = platform;
  await control.blobs.put(sha256('hello'), 0, once('hello'));
  const { record } = await control.deployments.create('shop', orderOf(), null);
  await control.deployments.finish(record.id);
  await begun.promise;
  control.deployments.delete(record.id, null);
  clock.advance(limits.deletedTreeKeptMs * 2);
  gate.resolve();
  await until(() => !existsSync(join(dir, 'deployments', record.id)));
  assert.equal(stateOf(platform, record.id), 'deleted');
  assert.deepEqual([liveOf(platform), control.served.has(record.id)], [null, false]);
  assert.deepEqual(logged, []);
});

test('what cannot be published is told once, tried again, and what was served goes on', async (t) => {
  let fails = false;
  const onPublish = (): void => {
    if (fails) throw new Error('the edge has no room');
  };
  const platform = await local(t, { onPublish });
  const { clock, logged } = platform;
  const one = await platform.deploy('shop', {}, 'one');
  fails = true;
  const two = await platform.deploy('shop', {}, 'two');
  assert.equal(liveOf(platform), two.id);
  assert.equal(aliasOf(platform)!.deployment, one.id);
  clock.advance(10 * limits.controlSweepMs);
  await new Promise(setImmediate);
  assert.equal(logged.filter((line) => line.includes('no room')).length, 1);
  fails = false;
  clock.advance(2 * limits.controlSweepMs);
  await until(() => aliasOf(platform)!.deployment === two.id);
});

test('two controls on one directory: the second is told, and the first goes on', async (t) => {
  const dir = temporary(t);
  const first = await local(t, { dir });
  await assert.rejects(
    local(t, { dir }),
    (error) => error instanceof UsageError && /another Weir uses it/.test(error.message),
  );
  await first.deploy('shop');
  assert.notEqual(liveOf(first), null);
});

test('variables: as many as there may be, and those that are there can be changed', async (t) => {
  const { control } = await local(t);
  control.projects.ensure('shop', null);
  const set = (name: string, targets: ('production' | 'preview')[] = ['production']) =>
    control.projects.setVariable('shop', name, { value: 'x', targets, secret: false }, null);
  for (let count = 0; count < limits.variablesPerProject - 1; count += 1) set(`V${count}`);
  assert.throws(() => set('BOTH', ['production', 'preview']), refused('WRONG_STATE'));
  set('LAST');
  assert.throws(() => set('ONE_MORE'), refused('WRONG_STATE'));
  set('V0');
});
