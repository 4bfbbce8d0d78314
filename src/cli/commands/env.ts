import { Option } from 'commander';
import type { Command } from 'commander';
import type { VariableResource } from '../../api/deployments.ts';
import type { Target } from '../../api/fields.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { agoText } from '../figures.ts';
import { dim } from '../painted.ts';
import { projectOf, projectOption } from '../project-option.ts';
import type { OfProject } from '../project-option.ts';
import { piped, prompt } from '../prompt.ts';

interface Options extends OfProject {
  readonly target?: Target;
}

const targetOption = (): Option =>
  new Option('--target <target>', 'deployments of which kind have it; left out: both').choices([
    'production',
    'preview',
  ]);

export function addEnv(program: Command, cli: Cli): void {
  const env = program
    .command('env')
    .summary('environment variables of a project')
    .description('Environment variables that deployments find which are made from now on. Secrets: weir secret.');
  listOf(env, cli, false);
  projectOption(
    controlCommand(env, 'set', {
      summary: 'set a variable',
      description:
        'Sets a variable for deployments made from now on. Without a value it is asked for, or read from standard input.',
      examples: [
        ['env set MODEL=small', 'for all deployments of the project in this directory'],
        ['env set MODEL=large --target production -p shop', 'for those of production'],
        ['env set CERT < cert.pem', 'from a file'],
      ],
    }),
  )
    .argument('<NAME[=VALUE]>', 'a name, or name and value')
    .addOption(targetOption())
    .action(act<Options>(cli, (job, options, pair) => set(job, options, pair, false)));
  removalOf(env, cli, 'env');
  projectOption(
    controlCommand(env, 'pull', {
      summary: 'write variables into a file',
      description:
        'Writes variables, without secrets, into a file that weir dev reads. What else is in it is lost: it has to be new, unless --yes is given.',
      examples: [
        ['env pull', 'those of previews, into .env.local'],
        ['env pull .env.production.local --target production', 'those of production'],
      ],
    }),
  )
    .argument('[FILE]', 'the file', '.env.local')
    .addOption(targetOption().default('preview'))
    .option('-y, --yes', 'replace the file')
    .action(act<Options & { readonly yes?: boolean }>(cli, pull));
}

export function addSecret(program: Command, cli: Cli): void {
  const secret = program
    .command('secret')
    .summary('variables whose values are never shown again')
    .description('Environment variables whose values are kept encrypted, and never shown again.');
  listOf(secret, cli, true);
  projectOption(
    controlCommand(secret, 'set', {
      summary: 'set a secret',
      description:
        'Sets a secret for deployments made from now on. Its value is asked for, or read from standard input: in an argument others could see it.',
      examples: [
        ['secret set API_KEY', 'asks for the value'],
        ['secret set API_KEY -p shop < key', 'reads it'],
      ],
    }),
  )
    .argument('<NAME>', 'its name')
    .addOption(targetOption())
    .action(
      act<Options>(cli, async (job, options, name) => {
        if (name.includes('='))
          throw new UsageError('a value in an argument is seen by others: weir secret set NAME asks for it');
        await set(job, options, name, true);
      }),
    );
  removalOf(secret, cli, 'secret');
}

function listOf(parent: Command, cli: Cli, isSecret: boolean): void {
  const [noun, plural] = isSecret ? ['secret', 'secrets'] : ['env', 'variables'];
  projectOption(
    controlCommand(parent, 'ls', {
      summary: `list ${plural}`,
      description: isSecret ? 'Lists the names of secrets.' : 'Lists variables; of secrets their names.',
      examples: [[`${noun} ls -p shop`, 'of a project']],
    }),
  ).action(
    act<Options>(cli, async ({ call, output, cli: { clock } }, { project }) => {
      const { items } = await call('variables', { params: { project: await projectOf(project) } });
      const shown = isSecret ? items.filter(({ secret }) => secret) : items;
      if (output.json) output.document({ items: shown });
      else if (shown.length === 0) output.note(`no ${plural}: weir ${noun} set NAME makes one`);
      else
        output.table(
          columns,
          shown.map((one) => row(one, clock.wallMs())),
        );
    }),
  );
}

const columns = [
  { title: 'NAME' },
  { title: 'VALUE', shrinks: true },
  { title: 'TARGETS' },
  { title: 'CHANGED' },
] as const;

const row = ({ name, value, targets, updatedMs }: VariableResource, nowMs: number) => [
  name,
  value ?? dim('secret'),
  targets.join(', '),
  agoText(updatedMs, nowMs),
];

function removalOf(parent: Command, cli: Cli, noun: 'env' | 'secret'): void {
  projectOption(
    controlCommand(parent, 'rm', {
      summary: 'remove one',
      description: 'Removes it for deployments made from now on. Those that are served keep what they have.',
      examples: [[`${noun} rm MODEL -p shop`, 'of all targets']],
    }),
  )
    .argument('<NAME>', 'its name')
    .addOption(targetOption())
    .action(
      act<Options>(cli, async ({ call, output }, { project: given, target }, name) => {
        const project = await projectOf(given);
        await call('removeVariable', {
          params: { project, name: name },
          query: target === undefined ? {} : { target },
        });
        if (output.json) output.document({ removed: name, project });
        else output.say(`${name} is removed from ${project}`);
      }),
    );
}

async function set(job: Job, { project: given, target }: Options, pair: string, secret: boolean): Promise<void> {
  const { output, asking } = job;
  const at = pair.indexOf('=');
  const name = at === -1 ? pair : pair.slice(0, at);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new UsageError(`${name}: a name of letters, digits and underscores, no digit first, is expected`);
  }
  const project = await projectOf(given);
  const value =
    at === -1
      ? ((await prompt(`${name} of ${project}: `, secret, asking)) ?? (await piped(asking.input, limits.secretBytes)))
      : pair.slice(at + 1);
  const body = { value, secret, ...(target === undefined ? {} : { targets: [target] }) };
  const made = await job.call('setVariable', { params: { project, name }, body });
  if (output.json) output.document(made);
  else {
    output.say(`${name} is set for ${made.targets.join(' and ')} of ${project}`);
    output.note('Deployments made from now on find it: weir deploy makes one.');
  }
}

async function pull(job: Job, options: Options & { readonly yes?: boolean }, file?: string): Promise<void> {
  const { output } = job;
  const { writeFile } = await import('node:fs/promises');
  const project = await projectOf(options.project);
  const { items } = await job.call('variables', { params: { project } });
  const target = options.target ?? 'preview';
  const ours = items.filter(({ targets }) => targets.includes(target));
  const lines = ours.flatMap(({ name, value }) => (value === null ? [] : [`${name}=${quoted(name, value)}\n`]));
  const secrets = ours.filter(({ secret }) => secret).map(({ name }) => `# ${name} is a secret, and not here\n`);
  const text = [`# Written by weir env pull: ${project}, ${target}\n`, ...lines, ...secrets].join('');
  try {
    await writeFile(file!, text, { mode: 0o600, flag: options.yes === true ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(code === 'EEXIST' ? `${file}: is there already: --yes replaces it` : `${file}: ${message}`);
  }
  if (output.json) output.document({ file, variables: lines.length, secrets: secrets.length });
  else output.say(`${file}: ${lines.length} variables of ${project}, ${secrets.length} secrets left out`);
}

/** As node:util's parseEnv reads it back: there are no escapes, so the quotes have to be some that the value has not. */
function quoted(name: string, value: string): string {
  if (/^[\w./:@%+,-]*$/.test(value)) return value;
  const quote = ["'", '"', '`'].find((each) => !value.includes(each) && !(each === '"' && value.includes('\\n')));
  if (quote === undefined)
    throw new UsageError(`${name}: its value has all kinds of quotes, which no .env file can hold`);
  return quote + value + quote;
}
