import type { Command, Option } from 'commander';
import { visible } from './completion/tree.ts';
import { exitCodes } from './exit-codes.ts';

/** docs/reference/cli.md: what every command takes, as the commands themselves say it. */
export function referenceOf(program: Command): string {
  const parts: string[] = [];
  const walk = (command: Command, path: string): void => {
    for (const each of visible(command)) {
      const name = `${path} ${each.name()}`;
      parts.push(section(each, name));
      walk(each, name);
    }
  };
  walk(program, 'weir');
  return `${head}\n${parts.join('\n')}`;
}

const codes = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`);

const head = `# The weir command

Written by \`weir __reference\` from the commands themselves; \`src/cli/reference.test.ts\` holds the two together. How to use them:
[deploying](../guide/deploying.md), [settings](../guide/settings.md), [concurrency](../guide/concurrency.md).

## Which control is talked to

The first of these that says one: \`--context NAME\`; \`WEIR_URL\`, with \`WEIR_TOKEN\`; the context that \`weir login\` made current, in
\`$XDG_CONFIG_HOME/weir/config.json\`; the \`weir serve\` of the same user on this machine, which leaves its address and a token in
\`$XDG_STATE_HOME/weir/control/local.json\`. \`WEIR_TOKEN\` alone is used in place of the token of the latter two.

## JSON

With \`--json\` a command prints one JSON document on standard output, in the form that the API answers with; \`weir logs\` a line each.
What went wrong is one line on standard error: \`{"error": {"code", "message", "next", "exitCode"}}\`.

## Exit codes

| code | says |
|---|---|
${codes.join('\n')}

\`weir explain\` of a platform that is no control exits with 1 where nobody answers.

## Commands
`;

function section(command: Command, name: string): string {
  const usage = command.commands.length > 0 ? `${name} COMMAND` : `${name} ${command.usage()}`.trim();
  const lines = [`### ${name}`, '', `    ${usage}`, '', command.description(), ''];
  const takes = command.registeredArguments.map(
    (argument) =>
      `| \`${argument.name()}\` | ${cell(argument.description)} | ${
        argument.defaultValue === undefined ? '' : `\`${String(argument.defaultValue)}\``
      } |`,
  );
  const options = command.options
    .filter(({ hidden, helpGroupHeading }) => !hidden && helpGroupHeading === undefined)
    .map(
      (option) =>
        `| \`${option.flags.replaceAll('|', String.raw`\|`)}\` | ${cell(option.description)}${choices(option)} | ${defaultOf(option)} |`,
    );
  if (takes.length + options.length > 0) {
    lines.push('| | | default |', '|---|---|---|', ...takes, ...options, '');
  }
  if (command.options.some(({ helpGroupHeading }) => helpGroupHeading !== undefined)) {
    lines.push('And `--json`, `--context <name>`, `--no-color`, `-q, --quiet`.', '');
  }
  return lines.join('\n');
}

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);

const choices = ({ argChoices }: Option): string => (argChoices === undefined ? '' : `: ${argChoices.join(', ')}`);

function defaultOf({ defaultValue, defaultValueDescription, negate }: Option): string {
  if (negate || defaultValue === undefined) return '';
  return `\`${defaultValueDescription ?? String(defaultValue)}\``;
}
