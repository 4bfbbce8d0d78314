import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gitVariables } from './git.ts';

function directory(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-git-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function git(dir: string, ...args: string[]): string {
  const identity = { GIT_AUTHOR_NAME: 'Ada', GIT_COMMITTER_NAME: 'Ada', EMAIL: 'ada@example.org' };
  const quiet = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', PATH: process.env['PATH'] };
  return execFileSync('git', ['-C', dir, ...args], { env: { ...identity, ...quiet } })
    .toString()
    .trim();
}

test('the commit that a project is at', async (context) => {
  const dir = directory(context);
  git(dir, 'init', '-q', '-b', 'trunk');
  for (const message of ['one', 'two: and\u00E9 more']) {
    writeFileSync(join(dir, 'file'), message);
    git(dir, 'add', '.');
    git(dir, 'commit', '-q', '-m', message);
  }
  git(dir, 'remote', 'add', 'origin', 'https://user:secret@github.com/weir/shop.git');
  assert.deepEqual(await gitVariables(dir), {
    VERCEL_GIT_COMMIT_SHA: git(dir, 'rev-parse', 'HEAD'),
    VERCEL_GIT_COMMIT_AUTHOR_NAME: 'Ada',
    VERCEL_GIT_COMMIT_MESSAGE: 'two: and\u00E9 more',
    VERCEL_GIT_PREVIOUS_SHA: git(dir, 'rev-parse', 'HEAD~1'),
    VERCEL_GIT_COMMIT_REF: 'trunk',
    VERCEL_GIT_PROVIDER: 'github',
    VERCEL_GIT_REPO_OWNER: 'weir',
    VERCEL_GIT_REPO_SLUG: 'shop',
  });
});

test('remotes of other forms; what is not known is not said', async (context) => {
  const dir = directory(context);
  assert.deepEqual(await gitVariables(dir), {}, 'no repository');
  git(dir, 'init', '-q');
  assert.deepEqual(await gitVariables(dir), {}, 'no commit');
  git(dir, 'commit', '-q', '--allow-empty', '-m', 'first');
  git(dir, 'checkout', '-q', '--detach');
  git(dir, 'remote', 'add', 'origin', 'git@git.example.org:group/sub/name.git');
  const { VERCEL_GIT_COMMIT_SHA: sha, VERCEL_GIT_COMMIT_AUTHOR_NAME: author, ...rest } = await gitVariables(dir);
  assert.ok(sha?.length === 40 && author === 'Ada');
  assert.deepEqual(rest, {
    VERCEL_GIT_COMMIT_MESSAGE: 'first',
    VERCEL_GIT_REPO_OWNER: 'group/sub',
    VERCEL_GIT_REPO_SLUG: 'name',
  });
});
