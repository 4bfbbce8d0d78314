import { Command } from 'commander';
import { addBuild } from './commands/build.ts';
import { addCompletion } from './commands/completion.ts';
import { addCrashes } from './commands/crashes.ts';
import { addCron } from './commands/cron.ts';
import { addDeploy } from './commands/deploy.ts';
import { addDev } from './commands/dev.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDomains } from './commands/domains.ts';
import { addEnv, addSecret } from './commands/env.ts';
import { addExplain } from './commands/explain.ts';
import { addInspect } from './commands/inspect.ts';
import { addInvocations } from './commands/invocations.ts';
import { addLogin } from './commands/login.ts';
import { addLogs } from './commands/logs.ts';
import { addLs } from './commands/ls.ts';
import { addOpen } from './commands/open.ts';
import { addPromote, addRelease } from './commands/promote.ts';
import { addRollback } from './commands/rollback.ts';
import { addServe } from './commands/serve.ts';
import { addSettings } from './commands/settings.ts';
import { addStart } from './commands/start.ts';
import { addAudit, addToken } from './commands/token.ts';
import { addUsage } from './commands/usage.ts';
import type { Cli } from './control-command.ts';
import { referenceOf } from './reference.ts';
import { terminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';

/** All commands, in the order in which the help lists them. */
export function weirProgram(cli: Cli, lines: Terminal = terminal(cli.streams)): Command {
  const { out, err } = cli.streams;
  const program = new Command('weir')
    .description('Fluid compute on your own machines: one function instance serves many invocations at once.')
    .version(cli.version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'weir: ')),
    })
    .showHelpAfterError('(weir --help says more)')
    .addHelpText('after', help);
  program.commandsGroup('On this machine:');
  addDev(program, lines);
  addStart(program, lines);
  addServe(program, lines, cli.version);
  addBuild(program, lines, { out, err });
  addDoctor(program, cli);
  program.commandsGroup('Deployments:');
  for (const add of [addDeploy, addLs, addInspect, addPromote, addRelease, addRollback, addOpen]) add(program, cli);
  program.commandsGroup('What a project has:');
  for (const add of [addEnv, addSecret, addDomains, addCron]) add(program, cli);
  program.commandsGroup('What happens:');
  for (const add of [addLogs, addInvocations, addCrashes]) add(program, cli);
  addExplain(program, lines, cli);
  addUsage(program, cli);
  program.commandsGroup('Access:');
  for (const add of [addLogin, addToken, addAudit, addSettings, addCompletion]) add(program, cli);
  program.command('__reference', { hidden: true }).action(() => void out.write(referenceOf(program)));
  return program;
}

const help = `
Examples
  weir dev            serve the project in this directory
  weir start          serve every project in ./examples
  weir serve          serve what is deployed, with an API and a dashboard
  weir build          make what is served of a project in Next.js and the like
  weir deploy         upload it to a control, and serve it there: weir serve runs one
  weir explain        what a running one does, and why
  weir dev --help     what a project is, and all options`;
