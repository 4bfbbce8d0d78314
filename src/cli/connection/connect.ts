import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { Failure } from '../failure.ts';
import { configDirectory, stateDirectory } from '../../base/user-directories.ts';
import { readContexts } from './contexts.ts';

/** Which control is talked to, and who said so. */
export interface Target {
  readonly origin: string;
  readonly token: string | null;
  readonly source:
    | { readonly kind: 'environment' }
    | { readonly kind: 'context'; readonly name: string }
    /** The `weir serve` of this user on this machine. */
    | { readonly kind: 'local' };
}

type Environment = Readonly<Record<string, string | undefined>>;

export const contextsFile = (environment: Environment): string =>
  join(configDirectory(environment, homedir()), 'config.json');

/** `weir serve` writes it, and removes it at its end. */
const localFile = (environment: Environment): string =>
  join(stateDirectory(environment, homedir()), 'control', 'local.json');

/** Scheme, host and port of what a person writes. Throws UsageError. */
export function originOf(text: string, by: string): string {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new UsageError(`${by}: an address like https://weir.example.com or localhost:3900 is expected, got ${text}`);
  }
  return url.origin;
}

/** Null: nobody said which, and none runs here. `context`: the one that is asked for. Throws UsageError. */
export async function findTarget(environment: Environment, context: string | undefined): Promise<Target | null> {
  const { WEIR_URL: url, WEIR_TOKEN: token } = environment;
  const file = contextsFile(environment);
  if (context !== undefined) {
    const { contexts } = await readContexts(file);
    const found = Object.hasOwn(contexts, context) ? contexts[context]! : null;
    if (found === null) throw noSuchContext(context, Object.keys(contexts));
    return { origin: originOf(found.url, file), token: found.token, source: { kind: 'context', name: context } };
  }
  if (url !== undefined && url !== '') {
    return { origin: originOf(url, 'WEIR_URL'), token: token || null, source: { kind: 'environment' } };
  }
  const found = await fromFiles(environment, file);
  // A token alone is for whichever control it would have been.
  return found === null || !token ? found : { ...found, token };
}

async function fromFiles(environment: Environment, file: string): Promise<Target | null> {
  const { current, contexts } = await readContexts(file);
  if (current !== null) {
    const { url, token } = contexts[current]!;
    return { origin: originOf(url, file), token, source: { kind: 'context', name: current } };
  }
  return localTarget(environment);
}

/** Null: there is none on this machine. */
export async function localTarget(environment: Environment): Promise<Target | null> {
  const text = await readFile(localFile(environment), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const { url, token } = JSON.parse(text) as { url?: unknown; token?: unknown };
    if (typeof url !== 'string' || typeof token !== 'string') return null;
    return { origin: originOf(url, localFile(environment)), token, source: { kind: 'local' } };
  } catch {
    return null;
  }
}

const noSuchContext = (name: string, names: readonly string[]): UsageError =>
  new UsageError(
    `--context ${name}: there is no such context; ${names.length === 0 ? 'you are not logged in anywhere' : `there are ${names.join(', ')}`}`,
  );

export const nowhere = (): Failure =>
  new Failure(
    'unreachable',
    'NO_CONTROL',
    'no control is running on this machine, and you are not logged in to another one',
    '`weir serve` starts one here; `weir login URL` connects to one elsewhere.',
  );

/** That nothing answers at the target. */
export function unreachable({ origin, source }: Target, why: string): Failure {
  const next = {
    environment: 'Is WEIR_URL right, and does `weir serve` run there?',
    context: 'Does `weir serve` run there? `weir login URL` connects to another one.',
    local: 'It has ended without saying so: `weir serve` starts it.',
  }[source.kind];
  return new Failure('unreachable', 'UNREACHABLE', `${origin} cannot be reached: ${why}`, next);
}

/** What to do about a token that is missing or not known. */
export const tokenAdvice = ({ origin, source }: Target): string =>
  ({
    environment: 'Set WEIR_TOKEN to one that `weir token create NAME` printed, on the machine that serves.',
    context: `\`weir login ${origin}\` with one that \`weir token create NAME\` printed, on the machine that serves.`,
    local: 'Another `weir serve` has taken its place: start it again, or `weir login` with a token.',
  })[source.kind];
