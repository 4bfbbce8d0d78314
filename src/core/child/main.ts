/**
 * Entry of the host, in two ways: with a channel to the provider that started it, it holds as many instances as that says. With
 * WEIR_ADDRESS in the environment it holds one, whose token comes on standard input, and ends with it: in a container.
 */
import { mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostOrder, HostReport } from '../../model/hosted.ts';
import { Host } from './host.ts';
import { HostedInstance } from './hosted.ts';
import { signalGroup } from './language-process.ts';

process.title = 'weir-host';

const directory = mkdtempSync(join(process.env['WEIR_HOST_DIR'] ?? tmpdir(), 'h'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
// Ctrl-C reaches the whole group of a terminal: whoever started this ends it.
process.on('SIGINT', () => undefined);

if (process.env['WEIR_ADDRESS'] === undefined) holdMany();
else holdOne(process.env['WEIR_ADDRESS']);

function holdMany(): void {
  if (process.send === undefined)
    fail('the host is started by a Weir platform, or with WEIR_ADDRESS in the environment');
  const send = process.send.bind(process);
  // Nobody is left to be told once the channel has ended; that it has is an event of its own.
  const report = (what: HostReport): void => void send(what, undefined, undefined, () => undefined);
  const host = new Host({ directory, report });
  process.once('exit', () => host.killAll());
  process.on('message', (message) => host.take(message as HostOrder));
  // The platform is gone, however that came: so are its instances.
  process.once('disconnect', () => process.exit(0));
  // Whoever stops a platform as a whole reaches this process too: its instances may finish what they have.
  process.on('SIGTERM', () => undefined);
  const uncaught = (error: unknown): void => {
    if (host.uncaught(error)) return;
    fail(`The host ends: ${error instanceof Error ? error.stack : String(error)}`);
  };
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);
  // What the platform orders first is booted meanwhile.
  setImmediate(() => host.rehearse());
}

/** WEIR_RELEASE says what it is of; WEIR_COMMAND is the interpreter with its arguments, as JSON, of one that speaks frames. */
function holdOne(address: string): void {
  const { WEIR_RELEASE: release = 'executable', WEIR_COMMAND: command, WEIR_MEMORY_MIB: memory } = process.env;
  const token = readFileSync(0, 'utf8').split('\n', 1)[0] ?? '';
  if (token === '') fail('expected a token on standard input');
  const environment = Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  let group: number | null = null;
  const order = {
    instance: 'the-only-one',
    address,
    token,
    release,
    command: command === undefined ? null : (JSON.parse(command) as string[]),
    environment,
    memoryMiB: memory === undefined ? null : Number(memory),
  };
  const instance = new HostedInstance(order, join(directory, 'ipc'), {
    running: (pid) => (group = pid),
    output: (source, line) => void writeSync(source === 'stdout' ? 1 : 2, `${line}\n`),
    exited: (exit) => {
      group = null;
      if (exit.kind === 'failed') fail(exit.reason);
      // What was said to the router last leaves first: nothing but its connection keeps this process.
      process.exitCode = exit.kind === 'exited' ? exit.code : 1;
      process.removeAllListeners('SIGTERM');
      process.removeAllListeners('SIGINT');
    },
  });
  process.on('SIGTERM', () => instance.terminate(2_147_483_647));
  process.once('exit', () => group !== null && signalGroup(group, 'SIGKILL'));
}

function fail(text: string): never {
  writeSync(2, `${text}\n`);
  process.exit(2);
}
