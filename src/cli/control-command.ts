import { Option } from 'commander';
import type { Command } from 'commander';
import type { CallOrder } from '../api/client.ts';
import type { Answer, RouteName } from '../api/routes.ts';
import type { Clock } from '../base/clock.ts';
import { findTarget, nowhere } from './connection/connect.ts';
import type { Control } from './connection/control.ts';
import { Failure, failureOf } from './failure.ts';
import { Output } from './output.ts';
import { look, painted } from './painted.ts';
import type { Asking } from './prompt.ts';
import { endedBy, stopSignals } from './stopping.ts';
import type { Streams } from './terminal.ts';

/** What commands have of the process that they run in. */
export interface Cli {
  readonly streams: Streams;
  readonly input: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
}

/** Options of every command that talks to a control. */
interface CommonOptions {
  readonly json?: boolean;
  readonly context?: string;
  readonly color: boolean;
  readonly quiet?: boolean;
}

/** One run of a command. */
export interface Job {
  readonly cli: Cli;
  readonly output: Output;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly asking: Asking;
  readonly context: string | undefined;
  /** The control that is meant. Throws a Failure where none is. */
  readonly control: () => Promise<Control>;
  readonly call: <N extends RouteName>(name: N, order?: CallOrder<N>) => Promise<Answer<N>>;
}

interface Facts {
  readonly summary: string;
  /** Whole sentences. */
  readonly description: string;
  /** Command line without `weir`, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  /** Beside what is in the examples. */
  readonly more?: string;
}

const group = 'Options of every command:';

/** A command that talks to a control, with the options that all of them have. */
export function controlCommand(
  parent: Command,
  name: string,
  { summary, description, examples, more }: Facts,
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  weir ${line.padEnd(width)}   ${what}`);
  return commonOptions(parent.command(name).summary(summary).description(description)).addHelpText(
    'after',
    `${more === undefined ? '' : `\n${more}\n`}\nExamples\n${lines.join('\n')}`,
  );
}

const commonOptions = (command: Command): Command =>
  command
    .addOption(new Option('--json', 'the result as JSON; errors, too, on standard error').helpGroup(group))
    .addOption(new Option('--context <name>', 'the control to talk to, as `weir login` named it').helpGroup(group))
    .addOption(new Option('--no-color', 'no colours').helpGroup(group))
    .addOption(new Option('-q, --quiet', 'results only').helpGroup(group));

type Run<Options> = (job: Job, options: Options, ...args: string[]) => Promise<void>;

/** For Command.action(): what went wrong is told, and the exit code set. */
export function act<Options>(cli: Cli, run: Run<Options>): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const options = command.opts<CommonOptions>();
    if (!options.color) process.env['NO_COLOR'] = '1';
    const stopped = new AbortController();
    const stop = stopper(stopped);
    const output = new Output(cli.streams, { json: options.json === true, quiet: options.quiet === true });
    try {
      await run(
        jobOf(cli, options, output, stopped.signal),
        options as Options,
        ...(command.processedArgs as string[]),
      );
    } catch (error) {
      // Ctrl-C has set the exit code.
      if (!stopped.signal.aborted || error instanceof Failure) tell(error, output, cli.streams);
    } finally {
      stop();
    }
  };
}

/** The first signal stops what is done, the second one ends the process. */
function stopper(stopped: AbortController): () => void {
  const listeners = stopSignals.map((signal) => {
    const listener = (): void => {
      if (stopped.signal.aborted) process.exit(endedBy[signal]);
      process.exitCode = endedBy[signal];
      stopped.abort();
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}

function jobOf(cli: Cli, options: CommonOptions, output: Output, signal: AbortSignal): Job {
  let opened: Promise<Control> | null = null;
  const open = async (): Promise<Control> => {
    const target = await findTarget(cli.environment, options.context);
    if (target === null) throw nowhere();
    // The schemas of the API take time to load: help needs none of them.
    const { Control } = await import('./connection/control.ts');
    return new Control(target, signal);
  };
  const control = (): Promise<Control> => (opened ??= open());
  return {
    cli,
    output,
    signal,
    asking: { input: cli.input, err: cli.streams.err, signal },
    context: options.context,
    control,
    call: async (name, order) => (await control()).call(name, order),
  };
}

function tell(error: unknown, output: Output, { err }: Streams): void {
  const failure = failureOf(error);
  if (failure === null) throw error;
  process.exitCode = failure.exitCode;
  const { code, message, next, exitCode } = failure;
  if (output.json) {
    err.write(`${JSON.stringify({ error: { code, message, next, exitCode } })}\n`);
    return;
  }
  err.write(`${look(painted('weir: ', 'red'), err)}${look(message, err)}\n`);
  if (next !== null) err.write(`  ${look(next, err)}\n`);
}
