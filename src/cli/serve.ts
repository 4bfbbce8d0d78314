import { systemClock } from '../base/clock.ts';
import { startPlatform } from '../main.ts';
import type { Deployment } from '../model/snapshot.ts';
import type { Platform, RunningControl, PlatformOptions, PlatformStatus } from '../main.ts';
import { endedBy, stopping, stopSignals } from './stopping.ts';
import type { StopSignal } from './stopping.ts';
import type { Terminal } from './terminal.ts';

export type ServeOptions = Omit<PlatformOptions, 'log' | 'onFunctionLog'>;

/** Starts the platform, says where it is, and ends the process when a signal says so. Rejects with a UsageError. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<void> {
  // Until there is something to drain, a signal just ends; what exit has to remove is removed.
  let stop: (signal: StopSignal) => void = (signal) => process.exit(endedBy[signal]);
  let isStopping = false;
  for (const signal of stopSignals)
    process.on(signal, () => {
      isStopping = true;
      stop(signal);
    });
  // The launcher of an older Node was killed, and nobody is left to pass a signal on.
  process.once('disconnect', () => stop('SIGHUP'));
  process.channel?.unref();
  const platform = await startPlatform({
    ...options,
    log: terminal.log,
    onFunctionLog: (line) => terminal.functionLog(line),
  });
  stop = stopper(platform, terminal);
  // It may take a while until all is served; who has the dashboard sees how it goes.
  for (const line of platform.control === null ? [] : controlLines(platform.control)) terminal.say(line);
  await platform.complete;
  if (isStopping) return;
  for (const line of introduction(platform)) terminal.say(line);
  terminal.say(`ready ${origin(platform.host, platform.port)}`);
}

const stopper = (platform: Platform, terminal: Terminal): ((signal: StopSignal) => void) =>
  stopping({
    clock: systemClock,
    drain: () => platform.drain(),
    close: () => platform.close(),
    say: (line) => terminal.say(line),
    waitingFor: () => waitingFor(platform.status()),
    exit: (code) => process.exit(code),
    hasTerminal: [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY),
  });

function waitingFor({ functions }: PlatformStatus): string | null {
  const waits = functions.flatMap(({ label, queued, instances }) => {
    const invocations = instances.reduce((sum, { inFlight }) => sum + inFlight, queued);
    const background = instances.reduce((sum, instance) => sum + instance.background, 0);
    return [
      ...(invocations > 0 ? [`${counted(invocations, 'invocation')} of ${label}`] : []),
      ...(background > 0 ? [`${counted(background, 'background task')} of ${label}`] : []),
    ];
  });
  return waits.length === 0 ? null : waits.join(', ');
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Lines shown of one project's functions. */
const shownFunctions = 20;

function introduction(platform: Platform): string[] {
  const { deployments, port, control } = platform;
  if (control !== null) return [...projectLines(control), platform.provider];
  const lines = deployments.flatMap((each) => {
    const { project, hosts } = each;
    const address = hosts.length === 0 ? origin(platform.host, port) : `http://${hosts[0]}:${port}`;
    return [`${project}  ${address}`, ...(each.outputs === null ? plainLines(each) : builtLines(each))];
  });
  const page = deployments.some(({ hosts }) => hosts.length === 0) ? '/_weir/status' : '';
  return [...lines, `status  http://localhost:${port}${page}`, platform.provider];
}

/** A token is told to whoever sits at the terminal, not to whatever keeps what is printed; the first one, once, to both. */
function controlLines({ url, ownToken, firstToken, metricsUrl }: RunningControl): string[] {
  const sign = process.stdout.isTTY ? `/#token=${ownToken}` : '';
  return [
    `dashboard  ${url}${sign}`,
    ...(metricsUrl === null ? [] : [`metrics  ${metricsUrl}`]),
    ...(firstToken === null ? [] : [`token that may do everything, shown this once  ${firstToken}`]),
  ];
}

function projectLines({ control }: RunningControl): string[] {
  const projects = control.projects.list().map(({ name, liveUrl }) => `${name}  ${liveUrl ?? 'not live'}`);
  return projects.length > 0 ? projects : ['nothing is deployed yet: weir deploy DIRECTORY --prod'];
}

function plainLines({ routes, functions, publicDir }: Deployment): string[] {
  const names = new Map(functions.map((spec) => [spec.id, spec.name]));
  const shown = routes
    .slice(0, shownFunctions)
    .map(({ pattern, functionId }) => `  ${pattern}  ${names.get(functionId)}`);
  if (routes.length > shownFunctions) shown.push(`  and ${routes.length - shownFunctions} more`);
  return [...shown, ...(publicDir === null ? [] : ['  static files  public/'])];
}

/** Of a build there may be hundreds: how many of which kind. */
function builtLines({ functions, outputs }: Deployment): string[] {
  const kinds = [...outputs!.values()].map(({ kind }) => kind);
  const pages = kinds.filter((kind) => kind === 'prerender').length;
  const files = kinds.filter((kind) => kind === 'file').length;
  const what = [counted(functions.length, 'function'), counted(pages, 'kept page'), counted(files, 'static file')];
  return [`  a build's output  ${what.join(', ')}`];
}

const origin = (host: string, port: number): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
