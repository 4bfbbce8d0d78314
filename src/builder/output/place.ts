import { join } from 'node:path';

/** Where a framework's build leaves what is to be served: Build Output API, version 3. Relative to the project. */
export const outputFolder = join('.vercel', 'output');
/** Without it there is no output. */
export const configFile = 'config.json';
export const outputConfigFile = join(outputFolder, configFile);
