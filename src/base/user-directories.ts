import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Directories of a user that are a program's (XDG Base Directory Specification, on macOS too): where the environment names one,
 * by its absolute path, that; else the usual one in `homeDir`.
 */
const directoryOf =
  (variable: string, usual: string) =>
  (environment: Environment, homeDir: string): string => {
    const configured = environment[variable];
    return join(configured && isAbsolute(configured) ? configured : join(homeDir, usual), 'weir');
  };

/** What is kept from one run to the next: `$XDG_STATE_HOME/weir`, else `HOME/.local/state/weir`. */
export const stateDirectory = directoryOf('XDG_STATE_HOME', '.local/state');

/** What can be made again: `$XDG_CACHE_HOME/weir`, else `HOME/.cache/weir`. */
export const cacheDirectory = directoryOf('XDG_CACHE_HOME', '.cache');

/** What the user has said: `$XDG_CONFIG_HOME/weir`, else `HOME/.config/weir`. */
export const configDirectory = directoryOf('XDG_CONFIG_HOME', '.config');
