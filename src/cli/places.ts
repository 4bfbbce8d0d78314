import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** As the XDG Base Directory Specification has it: a relative one is to be ignored. */
const placeOf = (configured: string | undefined, usual: string): string =>
  join(configured && isAbsolute(configured) ? configured : usual, 'weir');

/** Where it is kept which controls there are. */
export const configDirectory = (environment: Environment, home: string): string =>
  placeOf(environment['XDG_CONFIG_HOME'], join(home, '.config'));

/** Where the control of this machine says how it is reached, and where hashes of files are kept. */
export const stateDirectory = (environment: Environment, home: string): string =>
  placeOf(environment['XDG_STATE_HOME'], join(home, '.local/state'));
