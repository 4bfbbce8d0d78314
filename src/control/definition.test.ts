import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Deployment } from '../model/snapshot.ts';
import { made } from '../../test/control/local.ts';
import { host } from '../builder/project.fixture.ts';
import { buildProject } from '../builder/project.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { silentLog } from '../base/log.ts';
import { temporary } from '../../test/control/rig.ts';
import { readDefinition, writeDefinition } from './definition.ts';

const order = {
  id: 'dep_0123456789',
  project: 'shop',
  target: 'production' as const,
  dir: '/state/dep/tree',
  host: 'shop.localhost',
  skewProtection: false,
  log: silentLog,
};
const base = made(order);
const withExtra = (extra: unknown): Deployment => ({ ...base, routing: extra as Deployment['routing'] });
const again = (deployment: Deployment, from = '/state/dep', to = from): Deployment =>
  readDefinition(writeDefinition(deployment, from), to)!;

test('a project with functions, routes and static files is the same afterwards, also in another place', async (t) => {
  const home = temporary(t);
  const dir = join(home, 'one');
  const files = {
    'api/hello.js': 'export const GET = () => new Response("hi");',
    'public/index.html': '<p>',
    'package.json': '{"type":"module"}',
    'vercel.json': JSON.stringify({
      redirects: [{ source: '/old', destination: '/new' }],
      headers: [{ source: '/(.*)', headers: [{ key: '$in', value: '/etc' }] }],
      crons: [{ path: '/api/hello', schedule: '* * * * *' }],
    }),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, 'tree', path)), { recursive: true });
    writeFileSync(join(dir, 'tree', path), text);
  }
  const deployment = await buildProject(join(dir, 'tree'), {
    project: 'shop',
    deployment: 'dep_0123456789',
    target: 'production',
    isDevelopment: false,
    hosts: ['shop.localhost'],
    environment: { TOLD: 'told-value' },
    log: silentLog,
    host,
    reads: new Set(),
  });
  const written = writeDefinition(deployment, dir);
  assert.equal(written.text.includes('told-value'), false, 'no environment is in it');
  assert.deepEqual(readDefinition(written, dir), deployment);
  const other = join(home, 'two');
  const moved = readDefinition(written, other)!;
  assert.equal(JSON.stringify(moved).includes(dir), false);
  assert.deepEqual(JSON.parse(JSON.stringify(moved).replaceAll(other, dir)), JSON.parse(JSON.stringify(deployment)));
});

test('maps, in maps too', () => {
  const outputs = new Map([['', { kind: 'file', file: '/state/dep/tree/x', headers: new Map([['a', 'b']]) }]]);
  const deployment = { ...base, outputs: outputs as unknown as Deployment['outputs'] };
  assert.deepEqual(again(deployment), deployment);
  assert.equal((again(deployment, '/state/dep', '/new').outputs!.get('') as { file: string }).file, '/new/tree/x');
});

test('only what is in the folder moves', () => {
  const paths = ['/state/dep', '/state/dep/x', '/state/dep-other/x', '/state/de', 'x/state/dep/x', ''];
  const moved = again(withExtra(paths), '/state/dep', '/new').routing;
  assert.deepEqual(moved, ['/new', '/new/x', '/state/dep-other/x', '/state/de', 'x/state/dep/x', '']);
});

// What whoever deploys may call things: headers, queries and conditions have names of theirs.
const name = fc.constantFrom('$in', '$map', '$object', '__proto__', 'constructor', 'a', '', '$');
const tree = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>('/state/dep/x', '/state/dep', '$in', 'text', 1, null, true),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('any')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as unknown),
    fc.array(fc.tuple(name, tie('any')), { maxLength: 3 }).map((entries) => new Map(entries) as unknown),
  ),
})).any;

test('whatever names it has, it is read as what was written', () => {
  let alike = 0;
  fc.assert(
    fc.property(tree, (value) => {
      alike += Number(/\$in|\$map|\$object/.test(JSON.stringify(value) ?? ''));
      const extra = withExtra({ value });
      assert.deepEqual(again(extra), extra);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(alike > 100);
});

test('that of another format is none', () => {
  const { text, environments } = writeDefinition(base, '/state/dep');
  const other = text.replace(/"format":\d+/, '"format":999');
  assert.notEqual(other, text);
  assert.equal(readDefinition({ text: other, environments }, '/state/dep'), null);
});
