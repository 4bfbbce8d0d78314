import type { Command } from 'commander';
import { limits } from '../../base/limits.ts';
import { contextsFile, localTarget, originOf } from '../connection/connect.ts';
import type { Target } from '../connection/connect.ts';
import { readContexts, writeContexts } from '../connection/contexts.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { Failure } from '../failure.ts';
import { bold } from '../painted.ts';
import { piped, prompt } from '../prompt.ts';
import { UsageError } from '../../base/errors.ts';

interface Options {
  readonly token?: string;
  readonly name?: string;
}

export function addLogin(program: Command, cli: Cli): void {
  controlCommand(program, 'login', {
    summary: 'connect to a control',
    description:
      'Asks for a token, checks it, and keeps it in $XDG_CONFIG_HOME/weir/config.json (~/.config), readable by you alone. ' +
      'Commands talk to the control that was logged in to last; --context says another one.',
    more:
      'WEIR_URL and WEIR_TOKEN go before what is kept. On the machine of `weir serve` no login is needed, for the user who ' +
      'started it.\nA token is read from standard input where that is no terminal. By --token others on the machine can see it.',
    examples: [
      ['login https://weir.example.com', 'asks for a token of `weir token create`'],
      ['login https://weir.example.com < token', 'reads it'],
      ['login 10.0.0.7:3900 --name staging', 'under another name than its host’s'],
    ],
  })
    .argument('[URL]', 'where the control is; left out: the one on this machine')
    .option('--token <token>', 'the token')
    .option('--name <name>', 'what to call it; left out: its host')
    .action(act<Options>(cli, login));
  controlCommand(program, 'logout', {
    summary: 'forget a control',
    description: 'Forgets the token of the current control, or of the one that --context names. The token stays valid.',
    examples: [
      ['logout', 'the current one'],
      ['logout --context staging', 'another one'],
    ],
  }).action(act(cli, logout));
}

async function login(job: Job, { token: given, name }: Options, url?: string): Promise<void> {
  const target = url === undefined ? await localOrNone(job) : { origin: originOf(url, 'URL'), token: null };
  const token = given ?? target.token ?? (await askedToken(job, target.origin));
  const { Control } = await import('../connection/control.ts');
  const source: Target['source'] = { kind: 'context', name: name ?? new URL(target.origin).host };
  const me = await new Control({ origin: target.origin, token, source }, job.signal).call('me');
  const file = contextsFile(job.cli.environment);
  const { contexts } = await readContexts(file);
  await writeContexts(file, {
    current: source.name,
    contexts: { ...contexts, [source.name]: { url: target.origin, token } },
  });
  const { output } = job;
  const result = { context: source.name, url: target.origin, token: me.token, version: me.version };
  if (output.json) output.document(result);
  else output.say('logged in to ', bold(target.origin), ` as ${me.token.name} (${me.token.role})`);
  if (job.cli.environment['WEIR_URL']) output.warn('WEIR_URL is set, and goes before this');
}

async function localOrNone({ cli }: Job): Promise<{ origin: string; token: string | null }> {
  const local = await localTarget(cli.environment);
  if (local !== null) return local;
  throw new UsageError('which control? `weir login URL`; none is running on this machine');
}

async function askedToken({ asking }: Job, origin: string): Promise<string> {
  const answer = await prompt(`Token for ${origin}: `, true, asking);
  const token = (answer ?? (await piped(asking.input, limits.secretBytes))).trim();
  if (token === '') {
    throw new Failure(
      'usage',
      'NO_TOKEN',
      'no token was given',
      '`weir token create NAME` makes one, on the machine that serves.',
    );
  }
  return token;
}

async function logout(job: Job): Promise<void> {
  const file = contextsFile(job.cli.environment);
  const { current, contexts } = await readContexts(file);
  const name = job.context ?? current;
  if (name === null || !Object.hasOwn(contexts, name)) {
    throw new Failure(
      'notFound',
      'NO_CONTEXT',
      name === null ? 'you are not logged in' : `there is no context ${name}`,
    );
  }
  const rest = Object.fromEntries(Object.entries(contexts).filter(([each]) => each !== name));
  await writeContexts(file, { current: current === name ? (Object.keys(rest)[0] ?? null) : current, contexts: rest });
  if (job.output.json) job.output.document({ context: name });
  else job.output.say(`logged out of ${name}`);
}
