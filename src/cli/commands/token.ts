import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Role } from '../../api/fields.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { agoText, timeText } from '../figures.ts';
import { parseCount } from '../options.ts';
import { bold } from '../painted.ts';

interface Creating {
  readonly role: Role;
  readonly days?: number;
}

export function addToken(program: Command, cli: Cli): void {
  const token = program
    .command('token')
    .summary('who may use the control')
    .description('Tokens, by which people and programs use the control.');
  controlCommand(token, 'ls', {
    summary: 'list tokens',
    description: 'Lists tokens, without their secrets.',
    examples: [['token ls', 'all']],
  }).action(act(cli, listTokens));
  controlCommand(token, 'create', {
    summary: 'make a token',
    description:
      'Makes a token, and prints it this once. A read token may look, a deploy token may also change, an admin token may also make tokens.',
    examples: [
      ['token create laptop --role admin', 'for yourself'],
      ['token create ci --days 90', 'for a program that deploys'],
      ['token create ci --quiet > token', 'into a file'],
    ],
  })
    .argument('<NAME>', 'what it is for')
    .addOption(new Option('--role <role>', 'what it may').choices(['read', 'deploy', 'admin']).default('deploy'))
    .option('--days <days>', 'how long it holds; left out: until it is revoked', parseDays)
    .action(
      act<Creating>(cli, async ({ call, output }, { role, days }, name) => {
        const made = await call('createToken', { body: { name: name, role, days: days ?? null } });
        if (output.json) output.document(made);
        else {
          output.say(made.secret);
          const holds =
            made.token.expiresMs === null ? 'until it is revoked' : `until ${timeText(made.token.expiresMs)}`;
          output.note(bold('It is shown this once.'), ` ${made.token.name} (${made.token.role}) holds ${holds}.`);
        }
      }),
    );
  controlCommand(token, 'rm', {
    summary: 'revoke a token',
    description: 'Revokes a token: who has it is let in no more.',
    examples: [['token rm tok_1f0k2m', 'by its id']],
  })
    .argument('<ID>', 'as weir token ls lists it')
    .action(
      act(cli, async ({ call, output }, _options, id) => {
        await call('revokeToken', { params: { token: id } });
        if (output.json) output.document({ revoked: id });
        else output.say(`${id} is revoked`);
      }),
    );
}

async function listTokens({ call, output, cli }: Job): Promise<void> {
  const found = await call('tokens');
  if (output.json) {
    output.document(found);
    return;
  }
  const nowMs = cli.clock.wallMs();
  const rows = found.items.map(({ id, name, role, createdMs, lastUsedMs, expiresMs }) => [
    id,
    name,
    role,
    agoText(createdMs, nowMs),
    lastUsedMs === null ? 'never' : agoText(lastUsedMs, nowMs),
    expiresMs === null ? '-' : timeText(expiresMs),
  ]);
  const titles = ['TOKEN', 'NAME', 'ROLE', 'MADE', 'USED', 'HOLDS UNTIL'];
  output.table(
    titles.map((title) => ({ title, shrinks: title === 'NAME' })),
    rows,
  );
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!/^\d{1,4}$/.test(text) || days < 1 || days > 3650) {
    throw new InvalidArgumentError('A whole number from 1 to 3650 is expected.');
  }
  return days;
}

export function addAudit(program: Command, cli: Cli): void {
  controlCommand(program, 'audit', {
    summary: 'who changed what',
    description: 'Lists what was changed, by which token and from where, the newest first.',
    examples: [['audit -p shop -n 50', 'of a project']],
  })
    .option('-p, --project <name>', 'of one project')
    .option('-n, --number <count>', 'so many at most', parseCount, 50)
    .action(
      act<{ readonly project?: string; readonly number: number }>(
        cli,
        async ({ call, output }, { project, number }) => {
          const found = await call('audit', {
            query: { limit: number, ...(project === undefined ? {} : { project }) },
          });
          if (output.json) {
            output.document(found);
            return;
          }
          const titles = ['WHEN', 'TOKEN', 'ACTION', 'PROJECT', 'SUBJECT', 'FROM', 'DETAIL'];
          const rows = found.items.map((one) => [
            timeText(one.atMs),
            one.actor,
            one.action,
            one.project ?? '',
            one.subject ?? '',
            one.address ?? '',
            one.detail ?? '',
          ]);
          output.table(
            titles.map((title) => ({ title, shrinks: title === 'DETAIL' || title === 'SUBJECT' })),
            rows,
          );
        },
      ),
    );
}
