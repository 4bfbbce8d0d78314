import type { Flag, Kind, Place, Values } from './tree.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What a shell reads to complete `weir`. Names of projects and the like are asked for while it completes. */
export function completionScript(shell: Shell, places: readonly Place[]): string {
  return { bash, zsh, fish }[shell](places);
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const ofCommands = (places: readonly Place[]): readonly Place[] => places.filter(({ path }) => path !== '');
/** In a `case`: the words that lead to a command, each after a space. */
const label = (path: string): string => quoted(path === '' ? '' : ` ${path}`);

/** Flags that take a value, with what it may be, by all of their names. */
const withValues = (place: Place): (readonly [Flag, Values])[] =>
  place.flags.flatMap((flag) =>
    flag.value === null ? [] : [[flag, flag.value === 'any' ? null : flag.value] as const],
  );

interface Cases {
  readonly valueCases: readonly string[];
  readonly flagCases: readonly string[];
  readonly argumentCases: readonly string[];
}

/** What bash and zsh read alike: which command it is, then what may come next. `words`: what has been typed is called. */
const body = (places: readonly Place[], words: string, { valueCases, flagCases, argumentCases }: Cases): string =>
  `    case "$at \${${words}[i]}" in
      ${ofCommands(places)
        .map(({ path }) => label(path))
        .join('|')}) at="$at \${${words}[i]}" ;;
    esac
  done
  case "$at:$prev" in
${valueCases.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${flagCases.join('\n')}
    esac
  else
    case "$at" in
${argumentCases.join('\n')}
    esac
  fi
}`;

function bash(places: readonly Place[]): string {
  const words = (list: readonly string[]): string => `COMPREPLY=($(compgen -W ${quoted(list.join(' '))} -- "$cur"))`;
  const suggest = (values: Values): string => {
    if (values === null) return 'COMPREPLY=()';
    if ('words' in values) return words(values.words);
    const own: Partial<Record<Kind, string>> = { folders: 'compgen -d', files: 'compgen -f' };
    const [how] = [own[values.kind]];
    if (how !== undefined) return `COMPREPLY=($(${how} -- "$cur"))`;
    return `COMPREPLY=($(compgen -W "$(weir __complete ${values.kind} 2>/dev/null)" -- "$cur"))`;
  };
  const valueCases = places.flatMap((place) =>
    withValues(place).map(([{ names }, values]) => {
      const patterns = names.map((name) => quoted(`${place.path === '' ? '' : ` ${place.path}`}:${name}`));
      return `    ${patterns.join('|')}) ${suggest(values)}; return ;;`;
    }),
  );
  const flagCases = places.map(
    (place) => `      ${label(place.path)}) ${words(place.flags.flatMap(({ names }) => names))} ;;`,
  );
  const argumentCases = places.map((place) => {
    const names = place.commands.map(({ name }) => name);
    return `      ${label(place.path)}) ${names.length > 0 ? words(names) : suggest(place.argument)} ;;`;
  });
  return `# weir completion bash >> ~/.bashrc, or source it
_weir() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at= i
  for ((i = 1; i < COMP_CWORD; i++)); do
${body(places, 'COMP_WORDS', { valueCases, flagCases, argumentCases })}
complete -F _weir weir
`;
}

function zsh(places: readonly Place[]): string {
  const described = (pairs: readonly (readonly [string, string])[]): string =>
    `list=(${pairs.map(([name, text]) => quoted(`${name.replaceAll(':', String.raw`\:`)}:${text}`)).join(' ')}); _describe weir list`;
  const suggest = (values: Values): string => {
    if (values === null) return ':';
    if ('words' in values) return `compadd -- ${values.words.map(quoted).join(' ')}`;
    if (values.kind === 'folders') return '_files -/';
    if (values.kind === 'files') return '_files';
    return `compadd -- \${(f)"$(weir __complete ${values.kind} 2>/dev/null)"}`;
  };
  const valueCases = places.flatMap((place) =>
    withValues(place).map(([{ names }, values]) => {
      const patterns = names.map((name) => quoted(`${place.path === '' ? '' : ` ${place.path}`}:${name}`));
      return `    ${patterns.join('|')}) ${suggest(values)}; return ;;`;
    }),
  );
  const flagCases = places.map(
    (place) =>
      `      ${label(place.path)}) ${described(place.flags.flatMap(({ names, description }) => names.map((name) => [name, description] as const)))} ;;`,
  );
  const argumentCases = places.map((place) => {
    const commands = place.commands.map(({ name, summary }) => [name, summary] as const);
    return `      ${label(place.path)}) ${commands.length > 0 ? described(commands) : suggest(place.argument)} ;;`;
  });
  return `#compdef weir
# weir completion zsh > a file _weir in a folder of $fpath, or source it after compinit
_weir() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} at= i
  local -a list
  for ((i = 2; i < CURRENT; i++)); do
${body(places, 'words', { valueCases, flagCases, argumentCases })}
if [ "$funcstack[1]" = _weir ]; then _weir; else compdef _weir weir; fi
`;
}

function fish(places: readonly Place[]): string {
  const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
  const suggest = (values: Values): string => {
    if (values === null) return '';
    if ('words' in values) return ` -a ${text(values.words.join(' '))}`;
    if (values.kind === 'folders') return ` -a '(__fish_complete_directories)'`;
    if (values.kind === 'files') return ' -F';
    return ` -a '(weir __complete ${values.kind} 2>/dev/null)'`;
  };
  const lines = places.flatMap(({ path, commands, flags, argument }) => {
    const at = `complete -c weir -n ${text(`__weir_at ${text(path).replaceAll("'", '"')}`)}`;
    return [
      ...commands.map(({ name, summary }) => `${at} -f -a ${text(name)} -d ${text(summary)}`),
      ...(commands.length === 0 ? [`${at} -f${suggest(argument)}`] : []),
      ...flags.map(({ names, description, value }) => {
        const forms = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
        const taken = value === null ? '' : ` -x${suggest(value === 'any' ? null : value)}`;
        return `${at} ${forms.join(' ')}${taken} -d ${text(description)}`;
      }),
    ];
  });
  return `# weir completion fish > ~/.config/fish/completions/weir.fish
function __weir_at
    set -l at
    for word in (commandline -opc)[2..]
        if contains -- (string trim "$at $word") ${ofCommands(places)
          .map(({ path }) => text(path))
          .join(' ')}
            set at (string trim "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}
