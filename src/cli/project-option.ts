import { Option } from 'commander';
import type { Command } from 'commander';

export interface OfProject {
  readonly project?: string;
}

export const projectOption = (command: Command): Command =>
  command.addOption(new Option('-p, --project <name>', 'the project; left out: the one in this directory'));

/** The one that is named, else that of the directory. */
export async function projectOf(name: string | undefined): Promise<string> {
  if (name !== undefined) return name;
  // Not for every command: it reads settings, whose schemas take time to load.
  const { projectName } = await import('../builder/project.ts');
  return projectName('.');
}
