import type { Argument, Command, Option } from 'commander';

/** What a value is, of which there may be many: names that the control knows, or files. */
export type Kind = 'projects' | 'deployments' | 'both' | 'crons' | 'crashes' | 'contexts' | 'folders' | 'files';

/** What may follow on a command line. */
export type Values = { readonly words: readonly string[] } | { readonly kind: Kind } | null;

export interface Flag {
  readonly names: readonly string[];
  readonly description: string;
  /** Null: it takes none. */
  readonly value: Values | 'any';
}

/** One command, as far as completing it goes. */
export interface Place {
  /** Words that lead to it: `env set`; the empty string: none yet. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly Flag[];
  readonly argument: Values;
}

/** All commands, the outer ones first. */
export function placesOf(program: Command): Place[] {
  const places: Place[] = [];
  const walk = (command: Command, path: string): void => {
    const commands = visible(command);
    places.push({
      path,
      commands: commands.map((each) => ({ name: each.name(), summary: each.summary() || each.description() })),
      flags: [...command.options.filter(({ hidden }) => !hidden).map(flagOf), helpFlag],
      argument: valuesOfArgument(command.registeredArguments[0]),
    });
    for (const each of commands) walk(each, `${path} ${each.name()}`.trim());
  };
  walk(program, '');
  return places;
}

/** Commands that people are told of. */
export const visible = (command: Command): Command[] =>
  command.commands.filter((each) => !each.name().startsWith('__') && each.name() !== 'help');

const helpFlag: Flag = { names: ['-h', '--help'], description: 'what it does', value: null };

function flagOf(option: Option): Flag {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const takes = option.required || option.optional;
  return { names, description: option.description, value: takes ? valueOf(option) : null };
}

const kinds: Readonly<Record<string, Kind>> = {
  '--project': 'projects',
  '--context': 'contexts',
  '--deployment': 'deployments',
  '--to': 'deployments',
};

function valueOf({ argChoices, long }: Option): Values | 'any' {
  if (argChoices !== undefined) return { words: argChoices };
  const kind = kinds[long ?? ''];
  return kind === undefined ? 'any' : { kind };
}

const argumentKinds: Readonly<Record<string, Kind>> = {
  PROJECT: 'projects',
  ID: 'deployments',
  WHAT: 'both',
  CRON: 'crons',
  CRASH: 'crashes',
  DIR: 'folders',
  FILE: 'files',
};

function valuesOfArgument(argument: Argument | undefined): Values {
  if (argument === undefined) return null;
  if (argument.argChoices !== undefined) return { words: argument.argChoices };
  const kind = argumentKinds[argument.name()];
  return kind === undefined ? null : { kind };
}
