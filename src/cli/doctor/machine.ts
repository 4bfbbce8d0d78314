import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, readFile, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, freemem, homedir, totalmem } from 'node:os';
import { systemClock } from '../../base/clock.ts';
import { findInPath } from '../../builder/executables.ts';
import { installedInterpreters } from '../../builder/python/interpreters.ts';
import { bytesText, counted } from '../figures.ts';
import { stateDirectory } from '../../base/user-directories.ts';
import { fail, ok, warn } from './check.ts';
import type { Finding } from './check.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The machine that this command runs on, as far as it matters to whoever serves on it. */
export function machineFindings(environment: Environment): Promise<Finding[]> {
  return Promise.all([
    node(process.versions.node),
    cgroups(),
    openFiles(),
    memory(),
    disk(stateDirectory(environment, homedir())),
    port(3000),
    pythons(environment),
    toolchains(environment),
  ]);
}

const nodeWanted = 24;
const node = async (version: string): Promise<Finding> =>
  Number.parseInt(version, 10) >= nodeWanted
    ? ok('Node', version)
    : fail(
        'Node',
        `${version} is too old`,
        `Install Node ${nodeWanted}, or run npm install --include=optional in Weir's folder.`,
      );

const mount = '/sys/fs/cgroup';

/** Memory limits are the kernel's where a cgroup was delegated. */
async function cgroups(): Promise<Finding> {
  const name = 'cgroup';
  const without = 'without the kernel’s limits V8 limits the heap, and Weir watches each process';
  if (process.platform !== 'linux') return ok(name, `${process.platform} has none: ${without}`);
  const text = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const own = /^0::(\/.*)$/m.exec(text)?.[1];
  const controllers = await readFile(`${mount}${own ?? ''}/cgroup.controllers`, 'utf8').catch(() => null);
  if (own === undefined || controllers === null) {
    return warn(name, `no cgroup of version 2: ${without}`, 'Boot with systemd.unified_cgroup_hierarchy=1.');
  }
  if (!controllers.split(/\s+/).includes('memory')) {
    return warn(
      name,
      `the memory controller is not delegated: ${without}`,
      'systemd-run --user --scope -p Delegate=yes weir serve',
    );
  }
  const isOurs = await access(`${mount}${own}/cgroup.procs`, constants.W_OK).then(
    () => true,
    () => false,
  );
  return isOurs
    ? ok(name, `memory limits can be the kernel’s (${own})`)
    : warn(name, `${own} cannot be written: ${without}`, 'systemd-run --user --scope -p Delegate=yes weir serve');
}

const filesWanted = 65_536;
const filesNeeded = 4_096;

async function openFiles(): Promise<Finding> {
  const name = 'open files';
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => null);
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text ?? '') ?? [];
  if (hard === undefined) return ok(name, 'the limit is not known here');
  // Node raises the soft one to the hard one when it starts.
  const most = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  const said = `${soft} (at most ${hard})`;
  const next = `Raise it: LimitNOFILE=${filesWanted} of the service, or ulimit -Hn ${filesWanted}.`;
  if (most < filesNeeded) return fail(name, `${said}: each connection takes some`, next);
  return most < filesWanted
    ? warn(name, `${said}: enough for some ${Math.floor(most / 4)} connections`, next)
    : ok(name, said);
}

async function memory(): Promise<Finding> {
  const all = `${bytesText(freemem())} free of ${bytesText(totalmem())}, ${counted(availableParallelism(), 'processor')}`;
  return totalmem() < 1e9
    ? warn('memory', all, 'One instance of the default size may have 2 GB: set "memory" of functions lower.')
    : ok('memory', all);
}

async function disk(dir: string): Promise<Finding> {
  const name = 'disk';
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await access(dir, constants.W_OK);
    const { bavail, bsize } = await statfs(dir);
    const free = bavail * bsize;
    const said = `${bytesText(free)} free at ${dir}`;
    const next = 'Make room there, or set XDG_STATE_HOME to a place that has it.';
    if (free < 200e6) return fail(name, said, next);
    return free < 2e9 ? warn(name, said, next) : ok(name, said);
  } catch (error) {
    return fail(name, `${dir}: ${(error as Error).message}`, 'Set XDG_STATE_HOME to a folder that you may write.');
  }
}

/** Taken by whom is not known: a `weir serve` would be the best of reasons. */
async function port(number: number): Promise<Finding> {
  const server = createServer();
  try {
    server.listen(number, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    return ok('port', `${number} is free`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'EADDRINUSE'
      ? ok('port', `${number} is taken: by weir serve, or by something else, and then the next free one is used`)
      : warn('port', `${number}: ${message}`, '--port says another one.');
  }
}

async function pythons(environment: Environment): Promise<Finding> {
  const found = await installedInterpreters({ environment, home: homedir(), clock: systemClock });
  const versions = found.map(({ version }) => version.join('.'));
  return versions.length === 0
    ? warn(
        'Python',
        'none from 3.11 on: functions in Python are not served',
        'apt install python3 python3-pip, or uv python install',
      )
    : ok('Python', [...new Set(versions)].join(', '));
}

const programs = ['npm', 'uv', 'go', 'cargo', 'bun', 'deno', 'git'] as const;

async function toolchains(environment: Environment): Promise<Finding> {
  const found = await Promise.all(programs.map((name) => findInPath(name, environment)));
  const [there, missing] = [true, false].map((is) => programs.filter((_, at) => (found[at] !== null) === is));
  const said = `${there!.join(', ') || 'none'}${missing!.length === 0 ? '' : `; not here: ${missing!.join(', ')}`}`;
  return there!.includes('npm')
    ? ok('toolchains', said)
    : warn('toolchains', said, 'Without npm other versions of Node cannot be fetched, nor frameworks built.');
}
