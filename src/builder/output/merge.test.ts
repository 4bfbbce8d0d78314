import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, nodeConfig, outputProject } from './output.fixture.ts';

const output = (config: object) => ({
  'config.json': { version: 3, ...config },
  'functions/a.func/.vc-config.json': nodeConfig,
  'functions/a.func/index.js': '',
});

async function rules(config: object, own: object, file = 'vercel.json') {
  const dir = await outputProject(output(config), { [file]: own });
  const { deployment } = await build(dir);
  return deployment;
}

const redirect = { src: '^/old$', headers: { Location: '/new' }, status: 308 };
const rewrite = { src: '^/x$', dest: '/a', check: true };
const built = {
  routes: [
    { src: '/first', continue: true },
    { src: '/last', dest: '/a' },
    { handle: 'filesystem' },
    { src: '/(.*)', dest: '/a', check: true },
    { handle: 'miss' },
    { src: '/m', dest: '/a', check: true },
  ],
};
const own = {
  redirects: [{ source: '/old', destination: '/new' }],
  rewrites: [{ source: '/x', destination: '/a' }],
};

test('what the project’s own file asks for goes between what its build asks for', async () => {
  assert.deepEqual((await rules(built, own)).routing?.rules, [
    { src: '^/first$', continue: true },
    redirect,
    { src: '^/last$', dest: '/a' },
    { handle: 'filesystem' },
    rewrite,
    { src: '^/(.*)$', dest: '/a', check: true },
    { handle: 'miss' },
    { src: '^/m$', dest: '/a', check: true },
  ]);
});

test('what the build has taken over is not there twice', async () => {
  const { routing } = await rules({ routes: [redirect, { handle: 'filesystem' }, rewrite] }, own);
  assert.deepEqual(routing?.rules, [redirect, { handle: 'filesystem' }, rewrite]);
});

test('crons of both, each once; images of the build, or else the project’s', async () => {
  const one = { path: '/a', schedule: '0 0 * * *' };
  const other = { path: '/b', schedule: '0 0 * * *' };
  const images = { sizes: [1] };
  const both = await rules({ crons: [one], images: { sizes: [2] } }, { crons: [one, other], images });
  assert.deepEqual([both.crons, both.routing?.images?.sizes], [[one, other], [2]]);
  assert.deepEqual((await rules({}, { images })).routing?.images?.sizes, [1]);
  const alone = { ...one, overlap: false };
  assert.deepEqual((await rules({ crons: [one] }, { crons: [other, alone] }, 'weir.json')).crons, [alone, other]);
});
