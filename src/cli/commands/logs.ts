import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { LogLine } from '../../api/observed.ts';
import { limits } from '../../base/limits.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { Failure } from '../failure.ts';
import { parseCount } from '../options.ts';
import { dim, painted } from '../painted.ts';
import type { Output } from '../output.ts';

interface Options {
  readonly follow?: boolean;
  readonly function?: string;
  readonly level?: LogLine['level'];
  readonly invocation?: string;
  readonly deployment?: string;
  readonly status?: string;
  readonly since?: string;
  readonly text?: string;
  readonly number: number;
}

export function addLogs(program: Command, cli: Cli): void {
  controlCommand(program, 'logs', {
    summary: 'what functions log',
    description:
      'Shows the last lines that functions logged, the newest at the end; with --follow those that come, until Ctrl-C.',
    more: 'With --json a line each: {"id", "atMs", "project", "function", "invocation", "level", "text", …}.',
    examples: [
      ['logs shop', 'the last 100 lines of a project'],
      ['logs shop -f --level error', 'errors as they come'],
      ['logs --invocation inv_3f2a9c0e1d', 'what one invocation logged'],
      ['logs shop --since 2h --text timeout', 'of the last two hours, with a word in them'],
      ['logs shop --status 5xx', 'of invocations that failed'],
    ],
  })
    .argument('[PROJECT]', 'left out: all of them')
    .addOption(new Option('-f, --follow', 'go on with what comes').conflicts('status'))
    .option('--function <name>', 'PROJECT/api/hello, or api/hello')
    .addOption(new Option('--level <level>', 'this one and those above it').choices(['debug', 'info', 'warn', 'error']))
    .option('--invocation <id>', 'of one invocation')
    .option('--deployment <id>', 'of one deployment')
    .option('--status <status>', 'of invocations that ended with 404, or 5xx')
    .option('--since <when>', '15m, 24h, 7d, or a Unix time in milliseconds')
    .option('--text <text>', 'lines with this in them')
    .option('-n, --number <count>', 'so many lines at most', parseCount, 100)
    .action(act<Options>(cli, logs));
}

async function logs(job: Job, options: Options, project?: string): Promise<void> {
  const { follow = false, number, since, status, ...which } = options;
  const filter = filterOf(which, project);
  const query = {
    ...filter,
    limit: number,
    ...(since === undefined ? {} : { from: since }),
    ...(status === undefined ? {} : { status }),
  };
  const { items } = await job.call('logs', { query });
  const lines = items.toReversed();
  for (const line of lines) show(line, job.output);
  if (follow) await followed(job, filter, lines.at(-1)?.id ?? null);
  else if (lines.length === 0) job.output.note('nothing was logged');
}

type Filter = ReturnType<typeof filterOf>;

function filterOf(which: Omit<Options, 'follow' | 'number' | 'since' | 'status'>, project: string | undefined) {
  const { function: name, level, invocation, deployment, text } = which;
  return {
    ...(project === undefined ? {} : { project }),
    ...(name === undefined ? {} : { function: name }),
    ...(level === undefined ? {} : { level }),
    ...(invocation === undefined ? {} : { invocation }),
    ...(deployment === undefined ? {} : { deployment }),
    ...(text === undefined ? {} : { text }),
  };
}

/** Until Ctrl-C, over connections that break: each goes on after the last line that was shown. */
async function followed({ control, output, signal, cli }: Job, filter: Filter, after: string | null): Promise<void> {
  const { serverEvents } = await import('../server-events.ts');
  const { isNetworkError } = await import('../connection/control.ts');
  cli.streams.out.once('error', () => process.kill(process.pid, 'SIGTERM'));
  let last = after;
  for (let empty = 0; ; empty += 1) {
    try {
      const headers: Record<string, string> = last === null ? {} : { 'Last-Event-ID': last };
      const response = await (await control()).request('logEvents', { query: filter, headers });
      for await (const { id, data } of serverEvents(response)) {
        show(data as LogLine, output);
        last = id ?? (data as LogLine).id;
        empty = 0;
      }
    } catch (error) {
      const isGone = isNetworkError(error) || (error instanceof Failure && error.outcome === 'unreachable');
      if (signal.aborted || !isGone || empty >= limits.followAttempts) throw error;
      if (empty === 0) output.note(dim('the connection was cut; trying again'));
    }
    await sleep(Math.min(limits.uploadRetryMaxMs, limits.uploadRetryMs * 2 ** empty), undefined, { signal });
  }
}

const looks = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' } as const;

export function show(line: LogLine, output: Output): void {
  if (output.json) {
    output.record(line);
    return;
  }
  const { atMs, function: label, invocation, level, text } = line;
  const time = new Date(atMs).toISOString().slice(11, 23);
  output.say(
    dim(time),
    ' ',
    painted(`[${label}]`, looks[level]),
    ' ',
    dim(invocation === null ? '' : `${invocation} `),
    text.replace(/\n$/, ''),
  );
}
