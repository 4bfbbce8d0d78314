import type { Command } from 'commander';
import { act, controlCommand } from '../control-command.ts';
import type { Cli } from '../control-command.ts';
import type { DeployOptions } from '../deploy/deploy.ts';

export function addDeploy(program: Command, cli: Cli): void {
  controlCommand(program, 'deploy', {
    summary: 'upload a project, and serve it',
    description:
      'Uploads what a project consists of, as far as it is not there yet, has it made, and prints its URL. A preview, ' +
      'unless --prod is given: then production domains lead to it once it is ready.',
    more: `Uploaded are the project's files, without what .weirignore (else .vercelignore, else .gitignore) leaves out, .env.local
and the like; and of node_modules what the functions load. Of a project with a build (weir build) its output. An upload that
was interrupted is gone on with by the same command.

The URL of the deployment goes to standard output, everything else to standard error.`,
    examples: [
      ['deploy', 'a preview of the project in this directory'],
      ['deploy shop --prod', 'another one, as production'],
      ['deploy --prod --no-promote', 'production that waits for weir promote'],
      ['deploy --json | jq -r .deployment.url', 'for programs'],
    ],
  })
    .argument('[DIR]', 'the project', '.')
    .option('--prod', 'for production')
    .option('--no-promote', 'leave production domains where they lead')
    .option('-p, --project <name>', 'what it is called; left out: by its weir.json or its folder')
    .action(
      act<DeployOptions>(cli, async (job, options, dir) => {
        // Help needs none of it.
        const { deploy } = await import('../deploy/deploy.ts');
        await deploy(job, options, dir);
      }),
    );
}
