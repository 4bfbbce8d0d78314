import { isAbsolute, join } from 'node:path';

/**
 * The per-user directory of what a program keeps from one run to the next: `$XDG_STATE_HOME/weir`, else
 * `HOME/.local/state/weir`, on macOS too. A relative XDG_STATE_HOME is to be ignored (XDG Base Directory Specification).
 */
export function stateDirectory(environment: Readonly<Record<string, string | undefined>>, homeDir: string): string {
  const configured = environment['XDG_STATE_HOME'];
  return join(configured && isAbsolute(configured) ? configured : join(homeDir, '.local/state'), 'weir');
}
