import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheDirectory, configDirectory, stateDirectory } from './user-directories.ts';

test('a directory of the user: where the environment says so by an absolute path, else the usual one', () => {
  for (const [directory, variable, usual] of [
    [stateDirectory, 'XDG_STATE_HOME', '/home/ada/.local/state/weir'],
    [cacheDirectory, 'XDG_CACHE_HOME', '/home/ada/.cache/weir'],
    [configDirectory, 'XDG_CONFIG_HOME', '/home/ada/.config/weir'],
  ] as const) {
    assert.equal(directory({}, '/home/ada'), usual);
    assert.equal(directory({ [variable]: '/elsewhere' }, '/home/ada'), '/elsewhere/weir');
    assert.equal(directory({ [variable]: '' }, '/home/ada'), usual);
    assert.equal(directory({ [variable]: 'relative' }, '/home/ada'), usual);
  }
});
