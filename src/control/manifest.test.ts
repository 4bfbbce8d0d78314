import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { ApiError } from '../api/errors.ts';
import { sha256, temporary } from '../../test/control/rig.ts';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { once } from '../../test/control/local.ts';
import { BlobStore } from './blobs.ts';
import { checkManifest, packManifest, unpackManifest, type Manifest } from './manifest.ts';
import { layOut } from './tree.ts';

const text = 'content';
const file = (path: string) => ({ path, sha256: sha256(text), bytes: text.length, executable: false });
const manifestOf = (paths: readonly string[], links: Manifest['links'] = []): Manifest => ({
  files: paths.map(file),
  links,
});
const refusedAs = (code: string) => (error: unknown) => error instanceof ApiError && error.code === code;
const accepts = (manifest: Manifest, directory = ''): boolean => {
  try {
    checkManifest(manifest, directory);
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
};

const badPaths = [
  '..',
  '.',
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  'a/../b',
  '../a',
  './a',
  'a/.',
  'a\\b',
  'a\0b',
  '\ud800',
  'a/\udfff/b',
];

test('paths that are none, or lead out', () => {
  for (const path of badPaths) {
    assert.throws(() => checkManifest(manifestOf([path]), ''), refusedAs('INVALID_PATH'), JSON.stringify(path));
    assert.throws(
      () => checkManifest(manifestOf([], [{ path, link: 'x' }]), ''),
      refusedAs('INVALID_PATH'),
      JSON.stringify(path),
    );
    if (path !== '') assert.throws(() => checkManifest(manifestOf(['a']), path), refusedAs('INVALID_PATH'));
  }
  assert.throws(() => checkManifest(manifestOf(['x'.repeat(256)]), ''), refusedAs('INVALID_PATH'));
  assert.throws(() => checkManifest(manifestOf(['ü'.repeat(128)]), ''), refusedAs('INVALID_PATH'));
  for (const path of ['a', '...', '..a', 'a..', 'a b', 'ü'.repeat(127), 'a\nb', '.weir/x', '__proto__'])
    checkManifest(manifestOf([path]), '');
});

test('nothing is there twice, nor both a file and a folder', () => {
  const refused = refusedAs('INVALID_PATH');
  assert.throws(() => checkManifest(manifestOf(['a', 'a']), ''), refused);
  assert.throws(() => checkManifest(manifestOf(['a'], [{ path: 'a', link: 'b' }]), ''), refused);
  assert.throws(() => checkManifest(manifestOf(['a', 'a/b']), ''), refused);
  assert.throws(() => checkManifest(manifestOf(['a/b/c', 'a']), ''), refused);
  assert.throws(() => checkManifest(manifestOf(['x/b', 'x/c/d/e', 'x/c'], []), ''), refused);
  assert.throws(() => checkManifest(manifestOf(['l/b'], [{ path: 'l', link: 'x' }]), ''), refused);
});

test('links that lead out, or turn back', () => {
  const linked = (path: string, link: string): boolean => accepts(manifestOf([], [{ path, link }]));
  for (const link of [
    '/etc/passwd',
    '..',
    '../x',
    'a/../..',
    'a/..',
    'a/./b',
    'a//b',
    'x/',
    '../../x',
    'a\\b',
    'a\0b',
    '\ud800',
  ])
    assert.equal(linked('l', link), false, link);
  assert.equal(linked('a/l', '../x'), true);
  assert.equal(linked('a/l', '..'), true);
  assert.equal(linked('a/l', './../x'), true);
  assert.equal(linked('a/l', './../../x'), false);
  assert.equal(linked('a/b/l', '../../x/y'), true);
  assert.equal(linked('a/b/l', '../../../x'), false);
});

test('a tree like a bomb is refused by its numbers', () => {
  const deep = (parts: number, name: string): string => `${'d/'.repeat(parts - 1)}${name}`;
  checkManifest(manifestOf([deep(limits.uploadDepth, 'f')]), '');
  assert.throws(() => checkManifest(manifestOf([deep(limits.uploadDepth + 1, 'f')]), ''), refusedAs('TOO_MANY_FILES'));
  const many = (count: number): Manifest => ({
    files: Array.from({ length: count }, (_, at) => file(`${at}`)),
    links: [],
  });
  assert.throws(() => checkManifest(many(limits.deploymentFiles + 1), ''), refusedAs('TOO_MANY_FILES'));
  // Few files, and folders without end.
  const folders = Array.from({ length: 4_000 }, (_, at) => file(`${at}/${`${at}/`.repeat(60)}f`));
  assert.throws(() => checkManifest({ files: folders, links: [] }, ''), refusedAs('TOO_MANY_FILES'));
  // The same blob again and again.
  const big = { ...file('x'), bytes: limits.blobBytes };
  assert.throws(
    () =>
      checkManifest(
        {
          files: ['a', 'b', 'c', 'd', 'e'].map((path) => Object.assign(file(path), { bytes: limits.blobBytes })),
          links: [],
        },
        '',
      ),
    refusedAs('DEPLOYMENT_TOO_LARGE'),
  );
  assert.throws(
    () => checkManifest({ files: [{ ...big, bytes: limits.blobBytes + 1 }], links: [] }, ''),
    refusedAs('BLOB_TOO_LARGE'),
  );
});

test('packing keeps all of it', () => {
  const manifest = manifestOf(['a', 'ü/\u{1f600}'], [{ path: 'l', link: 'a' }]);
  assert.deepEqual(unpackManifest(packManifest(manifest)), manifest);
});

// Few names, so that paths meet; among them those that mean something to a file system.
const good = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'tree');
const pathsOf = (part: fc.Arbitrary<string>) =>
  fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const up = fc.constantFrom('', '', '../', '../../', '../../../', './../');
const manifestsOf = (part: fc.Arbitrary<string>) =>
  fc.record({
    paths: fc.array(pathsOf(part), { maxLength: 4 }),
    links: fc.array(
      fc.record({
        path: pathsOf(part),
        link: fc.oneof(
          fc.tuple(up, pathsOf(part)).map((parts) => parts.join('')),
          fc.constantFrom('..', '../..', '../../..', '.'),
        ),
      }),
      { maxLength: 3 },
    ),
  });
const anyManifest = fc.oneof(
  manifestsOf(fc.oneof({ weight: 4, arbitrary: good }, fc.constantFrom('..', '.', ''))),
  manifestsOf(good),
);

test('no manifest that is accepted leads out of its folder, however it is laid out', async (t) => {
  const home = temporary(t);
  const blobs = await BlobStore.open({ dir: join(home, 'blobs'), clock: new VirtualClock() });
  await blobs.put(sha256(text), 0, once(text));
  // What a link that leads out could find.
  const around = join(home, 'around');
  mkdirSync(join(around, 'a', 'b'), { recursive: true });
  writeFileSync(join(around, 'c'), 'secret');
  const root = join(around, 'tree');
  let accepted = 0;
  let withLinks = 0;
  await fc.assert(
    fc.asyncProperty(anyManifest, async ({ paths, links }) => {
      const manifest = manifestOf(paths, links);
      if (!accepts(manifest)) return;
      accepted += 1;
      withLinks += Number(links.length > 0);
      await layOut(manifest, blobs, root);
      assert.deepEqual(readdirSync(around).toSorted(), ['a', 'c', 'tree']);
      assert.deepEqual(readdirSync(join(around, 'a')), ['b']);
      for (const each of paths) assert.equal(realpathSync(join(root, each)), join(root, each));
      for (const each of links) insideOf(root, join(root, each.path));
    }),
    { numRuns: 1_500 },
  );
  assert.ok(accepted > 100 && withLinks > 50, `${accepted} accepted, ${withLinks} with links`);
});

/** Follows links as the kernel does, also where they lead to nothing: each step has to be in `root`. */
function insideOf(root: string, start: string): void {
  let left = 40;
  const walk = (place: string): string => {
    if ((left -= 1) < 0 || !isLink(place)) return place;
    const parts = readlinkSync(place).split('/');
    let at = resolve(place, '..');
    for (const each of parts) {
      at = walk(resolve(at, each));
      assert.ok(at === root || at.startsWith(`${root}/`), `${start} leads to ${at}`);
    }
    return at;
  };
  const end = walk(start);
  assert.ok(end === root || end.startsWith(`${root}/`));
  if (existsSync(start))
    assert.ok(`${realpathSync(start)}/`.startsWith(`${root}/`), `${start} is ${realpathSync(start)}`);
}

function isLink(place: string): boolean {
  try {
    return lstatSync(place).isSymbolicLink();
  } catch {
    // There is nothing, or it leads to itself.
    return false;
  }
}
