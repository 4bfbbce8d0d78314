import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { stateDirectory } from '../../base/user-directories.ts';
import { listeningOptions, parsePort } from '../options.ts';
import type { Listening } from '../options.ts';
import { projectsOf } from '../project-places.ts';
import type { Terminal } from '../terminal.ts';

interface Serving extends Listening {
  readonly domain: string;
  readonly https: boolean;
  readonly state?: string;
  readonly apiPort: number;
  readonly apiHost: string;
  readonly metricsPort: number | 'off';
}

export function addServe(program: Command, terminal: Terminal, version: string): void {
  const command = program
    .command('serve')
    .summary('serve what is deployed, and let it be deployed')
    .description(
      'Serves deployments, each at an address of its own, with an API, a dashboard, usage, logs and metrics. ' +
        '`weir deploy` makes deployments; what was deployed before is served again.',
    )
    .argument('[DIR]', 'a project, or the folder of several, that is deployed first unless it is live as it is');
  listeningOptions(command)
    .option('--domain <name>', 'projects are NAME.DOMAIN', parseDomain, 'localhost')
    .option('--https', 'clients come by https, through a proxy before this: for the addresses that are told', false)
    .option('--state <dir>', 'where all of it is kept (default: ~/.local/state/weir/control)')
    .option('--api-port <port>', 'of the API and the dashboard; taken: the next free one', parsePort, 3900)
    .option('--api-host <address>', 'the address that they listen on', '127.0.0.1')
    .option('--metrics-port <port|off>', 'for Prometheus, at /metrics, of the same address', parseMetricsPort, 9464)
    .addHelpText('after', help)
    .action(async (folder: string | undefined, options: Serving) => {
      // Help and version need none of it.
      const { serve } = await import('../serve.ts');
      const { port, host, stems, sentinel, domain } = options;
      const usual = join(stateDirectory(process.env, homedir()), 'control');
      const dir = options.state === undefined ? usual : resolve(options.state);
      const directories = folder === undefined ? [] : await projectsOf(resolve(folder), terminal);
      const metrics = options.metricsPort === 'off' ? null : { port: options.metricsPort, host: options.apiHost };
      const scheme = options.https ? ('https' as const) : ('http' as const);
      const control = {
        dir,
        announcedIn: [usual],
        port: options.apiPort,
        host: options.apiHost,
        domain,
        scheme,
        directories,
        metrics,
      };
      const common = {
        version,
        projects: [],
        port,
        host,
        stems,
        sentinel,
        watch: false,
        environment: 'production' as const,
      };
      await serve({ ...common, control }, terminal);
    });
}

const parseMetricsPort = (text: string): number | 'off' => (text === 'off' ? 'off' : parsePort(text));

function parseDomain(text: string): string {
  const name = text.toLowerCase();
  if (!/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name))
    throw new InvalidArgumentError('A host name is expected, such as apps.example.com.');
  return name;
}

const help = `
The first start makes a token that may do everything, and shows it once. On this machine, commands of the same user need none.

All that is deployed is kept in one directory, with a database and a key of its own (secret.key): what is secret in the
database is encrypted with it. Keep a copy of the key elsewhere than copies of the database.

Examples
  weir serve                                         at http://NAME.localhost:3000; dashboard at http://localhost:3900
  weir serve --port 80 --domain apps.example.com     for a machine that *.apps.example.com leads to
  weir serve projects                                and deploy every project in a folder before
  weir deploy shop --prod                            in another terminal

Ctrl-C finishes what is in flight, and ends; a second Ctrl-C ends at once.`;
