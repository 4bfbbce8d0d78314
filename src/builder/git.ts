import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Git answers at once, or something is wrong with it: nobody waits for longer. */
const gitTimeoutMs = 3_000;
const separator = '\u001F';

/**
 * What the hosted platform tells functions of the commit that they were built from. Empty where `dir` is in no repository,
 * or there is no git. Never rejects.
 */
export async function gitVariables(dir: string): Promise<Record<string, string>> {
  const format = ['%H', '%an', '%s', '%P'].join(separator);
  const [commit, branch, remote] = await Promise.all([
    git(dir, ['log', '-1', `--format=${format}`]),
    git(dir, ['rev-parse', '--abbrev-ref', 'HEAD']),
    git(dir, ['config', '--get', 'remote.origin.url']),
  ]);
  if (commit === null) return {};
  const [sha = '', author = '', message = '', parents = ''] = commit.split(separator);
  return known({
    VERCEL_GIT_COMMIT_SHA: sha,
    VERCEL_GIT_COMMIT_AUTHOR_NAME: author,
    // As much of it as the hosted platform gives.
    VERCEL_GIT_COMMIT_MESSAGE: message.slice(0, 2048),
    VERCEL_GIT_PREVIOUS_SHA: parents.split(' ')[0] ?? '',
    VERCEL_GIT_COMMIT_REF: branch === 'HEAD' ? '' : (branch ?? ''),
    ...repositoryOf(remote ?? ''),
  });
}

export interface GitFacts {
  readonly branch: string | null;
  readonly commit: string | null;
  readonly message: string | null;
  readonly author: string | null;
  /** What is deployed is not what was committed. */
  readonly dirty: boolean;
}

/** Of the commit that `dir` is at; null: it is in no repository, or there is no git. Never rejects. */
export async function gitFacts(dir: string): Promise<GitFacts | null> {
  const [commit, branch, changes] = await Promise.all([
    git(dir, ['log', '-1', `--format=${['%H', '%an', '%s'].join(separator)}`]),
    git(dir, ['rev-parse', '--abbrev-ref', 'HEAD']),
    git(dir, ['status', '--porcelain', '--untracked-files=normal', '--', '.']),
  ]);
  if (commit === null) return null;
  const [sha = '', author = '', message = ''] = commit.split(separator);
  return {
    branch: branch === 'HEAD' ? null : branch,
    commit: sha,
    message: message.slice(0, 1000),
    author: author.slice(0, 255),
    // So many that git's answer is too long to be taken, or none.
    dirty: changes !== '',
  };
}

/** `git@github.com:owner/name.git`, `https://gitlab.com/group/sub/name`. A token in it is no part of what is told. */
function repositoryOf(remote: string): Record<string, string> {
  const parts = /^(?:[a-z+]+:\/\/)?(?:[^@/]+@)?([^/:]+)(?::\d+)?[/:](.+?)\/([^/]+?)(?:\.git)?\/?$/.exec(remote);
  if (parts === null) return {};
  const [, host, owner, slug] = parts as unknown as [string, string, string, string];
  const provider = ['github', 'gitlab', 'bitbucket'].find((each) => host.includes(each)) ?? '';
  return { VERCEL_GIT_PROVIDER: provider, VERCEL_GIT_REPO_OWNER: owner, VERCEL_GIT_REPO_SLUG: slug };
}

/** Null: git is not there, or says no. */
async function git(dir: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await run('git', ['-C', dir, ...args], { timeout: gitTimeoutMs, maxBuffer: 64 * 1024 });
    return stdout.trim();
  } catch {
    return null;
  }
}

const known = (variables: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
