import { isAbsolute, join } from 'node:path';

/**
 * Where it is kept which controls there are: `$XDG_CONFIG_HOME/weir`, else `HOME/.config/weir`. A relative one is to be
 * ignored (XDG Base Directory Specification).
 */
export function configDirectory(environment: Readonly<Record<string, string | undefined>>, home: string): string {
  const configured = environment['XDG_CONFIG_HOME'];
  return join(configured && isAbsolute(configured) ? configured : join(home, '.config'), 'weir');
}
