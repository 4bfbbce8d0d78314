import { Option } from 'commander';
import type { Command } from 'commander';
import type { Target } from '../../api/fields.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli } from '../control-command.ts';
import { dim } from '../painted.ts';
import { projectOf, projectOption } from '../project-option.ts';
import type { OfProject } from '../project-option.ts';

export function addDomains(program: Command, cli: Cli): void {
  const domains = program
    .command('domains')
    .summary('host names of projects')
    .description('Host names that lead to projects. DNS is up to you: it has to lead them to the machine that serves.');
  listDomains(domains, cli);
  projectOption(
    controlCommand(domains, 'add', {
      summary: 'lead a host name to a project',
      description: 'Leads a host name to the live deployment of a project, or to its newest preview.',
      examples: [
        ['domains add shop.example.com -p shop', 'to what is live'],
        ['domains add next.example.com -p shop --target preview', 'to the newest preview'],
      ],
    }),
  )
    .argument('<HOST>', 'the host name')
    .addOption(
      new Option('--target <target>', 'production or preview').choices(['production', 'preview']).default('production'),
    )
    .action(
      act<OfProject & { readonly target: Target }>(cli, async ({ call, output }, { project: given, target }, host) => {
        const project = await projectOf(given);
        const made = await call('addDomain', { params: { project }, body: { host: host.toLowerCase(), target } });
        if (output.json) output.document(made);
        else
          output.say(
            `${made.host} leads to ${made.target === 'production' ? 'what is live' : 'the newest preview'} of ${project}`,
          );
      }),
    );
  projectOption(
    controlCommand(domains, 'rm', {
      summary: 'take a host name from a project',
      description: 'Takes a host name from a project: it leads nowhere then.',
      examples: [['domains rm shop.example.com -p shop', 'of a project']],
    }),
  )
    .argument('<HOST>', 'the host name')
    .action(
      act<OfProject>(cli, async ({ call, output }, { project: given }, host) => {
        const project = await projectOf(given);
        await call('removeDomain', { params: { project, host: host.toLowerCase() } });
        if (output.json) output.document({ removed: host, project });
        else output.say(`${host} leads to ${project} no more`);
      }),
    );
}

function listDomains(domains: Command, cli: Cli): void {
  controlCommand(domains, 'ls', {
    summary: 'list host names',
    description: 'Lists all host names, or those of one project.',
    examples: [
      ['domains ls', 'all'],
      ['domains ls shop', 'of a project'],
    ],
  })
    .argument('[PROJECT]', 'left out: all of them')
    .action(
      act(cli, async ({ call, output }, _options, project?: string) => {
        const found = await call('domains', { query: project === undefined ? {} : { project } });
        if (output.json) output.document(found);
        else {
          const rows = found.items.map(({ host, project: of, target, isOwn }) => [
            host,
            of,
            target,
            isOwn ? dim('its own') : '',
          ]);
          output.table([{ title: 'HOST' }, { title: 'PROJECT' }, { title: 'LEADS TO' }, { title: '' }], rows);
        }
      }),
    );
}
