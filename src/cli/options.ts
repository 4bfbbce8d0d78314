import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';

/** Options of every command that serves. */
export interface Listening {
  readonly port: number;
  readonly host: string;
  readonly stems: boolean;
  readonly sentinel: boolean;
}

export const listeningOptions = (command: Command): Command =>
  command
    .option('-p, --port <port>', 'where to listen; taken: the next free one; 0: any free one', parsePort, 3000)
    .option('-H, --host <address>', 'the address to listen on', '127.0.0.1')
    .addOption(stems())
    .option('--no-sentinel', 'instances without the thread that goes on when their loop is blocked');

/** What its default is called is what a person would write. */
const stems = (): Option =>
  new Option('--stems <auto|0>', 'instances booted ahead of need: as many as pay off, or none')
    .argParser(parseStems)
    .default(true, 'auto');

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('A whole number from 0 to 65535 is expected.');
  return port;
}

function parseStems(text: string): boolean {
  if (text === 'auto') return true;
  if (text === '0') return false;
  throw new InvalidArgumentError('"auto" or "0" is expected.');
}

/** Of lists: as many as the API gives at once. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > 1000)
    throw new InvalidArgumentError('A whole number from 1 to 1000 is expected.');
  return count;
}
