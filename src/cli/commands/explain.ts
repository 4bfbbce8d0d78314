import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Answer } from '../ask.ts';
import { findTarget } from '../connection/connect.ts';
import type { Cli } from '../control-command.ts';
import { highlighted, Screen } from '../screen.ts';
import { endedBy, stopSignals } from '../stopping.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly url: URL;
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly context?: string;
}

/** Exit code where nobody answers. */
const nobodyExitCode = 1;

export function addExplain(program: Command, terminal: Terminal, cli: Cli): void {
  const { out } = cli.streams;
  program
    .command('explain')
    .summary('why a function is scheduled as it is')
    .description(
      'Asks a running platform about a function: its limits and what they follow from, its instances, the last decisions ' +
        'with their reasons. Without FUNCTION: which ones there are. Asked is the control that you are logged in to, or that ' +
        'runs here; where there is none, or with --url, weir dev or weir start on this machine.',
    )
    .argument('[FUNCTION]', 'PROJECT/api/hello, or as much of its end as only it has')
    .addOption(
      new Option('-u, --url <url>', 'where the platform is')
        .argParser(parseUrl)
        .default(new URL('http://localhost:3000'), 'http://localhost:3000'),
    )
    .option('--json', 'all there is, as JSON')
    .addOption(new Option('--context <name>', 'the control to talk to, as `weir login` named it').conflicts('url'))
    .addOption(new Option('-w, --watch', 'again every second, until Ctrl-C').conflicts('json'))
    .addHelpText('after', help)
    .action(async (name: string | undefined, options: Options, command: Command) => {
      const { json = false, watch: isWatched = false } = options;
      const asked = await askerOf(cli, options, command, name ?? null);
      const text = said(await asked(), terminal);
      if (text === null) return;
      if (isWatched) await watch(text, asked, out);
      else out.write(`${json ? text : highlighted(text.split('\n'), out).join('\n')}\n`);
    });
}

const help = `
Exit codes: 2 when there is no such function or several of that name, 1 when no platform answers; of a control 5 and 3.

Examples
  weir explain                                 which functions there are
  weir explain api/hello                       one of them
  weir explain 'users/[id]' --watch            brackets are for the shell otherwise
  weir explain shop/server --json | jq .lanes
  weir explain hello --url localhost:8080      a platform elsewhere on this machine`;

type Asker = (signal?: AbortSignal) => Promise<Answer>;

/** Who is asked: the platform at --url, else the control that is meant, else what runs at the usual place. */
async function askerOf(cli: Cli, options: Options, command: Command, name: string | null): Promise<Asker> {
  const { url, json = false, context } = options;
  const isSaid = command.getOptionValueSource('url') === 'cli';
  const target = isSaid ? null : await findTarget(cli.environment, context);
  // Help and version need none of it.
  if (target !== null) {
    const { askControl } = await import('../ask-control.ts');
    return (signal) => askControl(target, { name, json, clock: cli.clock, signal: signal ?? null });
  }
  const { ask } = await import('../ask.ts');
  return (signal) => ask({ url, json, name, ...(signal === undefined ? {} : { signal }) });
}

/** Null: nobody answers, which has been told. Throws a UsageError when the name is a mistake. */
function said(answer: Answer, terminal: Terminal): string | null {
  if (answer.kind === 'mistake') throw new UsageError(answer.text);
  if (answer.kind === 'told') return answer.text;
  terminal.complain(`weir: ${answer.text}`);
  process.exitCode = answer.exitCode ?? nobodyExitCode;
  return null;
}

/** Until a signal, or until nobody reads it. A platform that goes away may come again. */
async function watch(
  first: string,
  asked: (signal: AbortSignal) => Promise<Answer>,
  out: NodeJS.WriteStream,
): Promise<void> {
  const stopped = new AbortController();
  for (const signal of stopSignals) {
    process.once(signal, () => {
      if (signal !== 'SIGINT') process.exitCode = endedBy[signal];
      stopped.abort();
    });
  }
  out.once('error', () => stopped.abort());
  const { signal } = stopped;
  const screen = new Screen(out);
  let last = first;
  let shown = first;
  while (!signal.aborted) {
    screen.paint(shown);
    // Rejects when it is over.
    await sleep(limits.explainPeriodMs, undefined, { signal }).catch(() => undefined);
    const answer = await asked(signal);
    if (answer.kind === 'told') last = answer.text;
    shown = answer.kind === 'told' ? last : `weir: ${answer.text}\n\n${last}`;
  }
  screen.close();
}

function parseUrl(text: string): URL {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url?.protocol !== 'http:') throw new InvalidArgumentError('An address like http://localhost:3000 is expected.');
  return url;
}
