// How long it takes from `weir deploy` to an answer, and what rolling back costs those who ask meanwhile. A real `weir serve`.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ApiClient } from '../src/api/client.ts';
import { get } from '../test/control/rig.ts';
import { exampleDir, weirCommand } from '../test/e2e/weir.ts';
import { median, section } from './report.ts';
import type { Section } from './report.ts';

interface Platform {
  readonly child: ChildProcess;
  readonly port: number;
  readonly client: ApiClient;
  /** In whose place of keeping commands find it. */
  readonly environment: NodeJS.ProcessEnv;
}

async function serve(state: string): Promise<Platform> {
  const environment = { ...process.env, XDG_STATE_HOME: state };
  const args = [weirCommand, 'serve', '--port', '0', '--api-port', '0', '--metrics-port', 'off'];
  const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const port = await new Promise<number>((resolve) =>
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const ready = /^ready http:\/\/127\.0\.0\.1:(\d+)/m.exec(text);
      if (ready !== null) resolve(Number(ready[1]));
    }),
  );
  const local = JSON.parse(readFileSync(join(state, 'weir/control/local.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  return { child, port, environment, client: new ApiClient({ origin: local.url, token: local.token }) };
}

/** `npm run bench -- --only deploy`. Targets: 1 s from the command to the first answer; rollbacks within 1 s, nobody fails. */
export async function deployBench(rounds: number, seconds: number): Promise<readonly Section[]> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const platform = await serve(join(dir, 'state'));
  try {
    return [await deploys(platform, dir, rounds), await rollbacks(platform, seconds)];
  } finally {
    const ended = once(platform.child, 'exit');
    platform.child.kill('SIGTERM');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  }
}

async function deploys({ port, environment }: Platform, dir: string, rounds: number): Promise<Section> {
  const project = join(dir, 'hello');
  cpSync(exampleDir('hello'), project, { recursive: true });
  const took: number[] = [];
  const uploaded: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    appendFileSync(join(project, 'api/hello.ts'), `// ${round}\n`);
    // What the one before has left to do (its bytecode) is done.
    await setTimeout(round === 0 ? 0 : 3_000);
    const fromMs = performance.now();
    const command = [weirCommand, 'deploy', project, '--prod', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, command, { env: environment });
    const { status } = await get(port, 'hello.localhost', '/api/hello');
    if (status !== 200) throw new Error(`the deployment answered ${status}`);
    took.push(performance.now() - fromMs);
    uploaded.push((JSON.parse(stdout) as { uploaded: { files: number } }).uploaded.files);
  }
  const [first, ...later] = took;
  return section('Deploying `hello`: from the command to the first answer', [
    { what: 'the first', ms: first!, 'files uploaded': uploaded[0]! },
    {
      what: `with one file changed, median of ${later.length}`,
      ms: median(later),
      'files uploaded': median(uploaded.slice(1)),
    },
  ]);
}

const connections = 16;

async function rollbacks({ port, client }: Platform, seconds: number): Promise<Section> {
  const { items } = await client.call('deployments', { params: { project: 'hello' }, query: {} });
  const [newest, before] = items;
  if (newest === undefined || before === undefined) throw new Error('there is nothing to go back to');
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const untilMs = performance.now() + seconds * 1000;
  let [answered, failed] = [0, 0];
  const load = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const status = await get(port, 'hello.localhost', '/api/hello', { agent }).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) answered += 1;
      else failed += 1;
    }
  };
  const clients = Array.from({ length: connections }, load);
  const took: number[] = [];
  for (let turn = 0; performance.now() < untilMs; turn += 1) {
    const fromMs = performance.now();
    if (turn % 2 === 0) await client.call('rollback', { params: { project: 'hello' }, body: { to: before.id } });
    else await client.call('promote', { params: { id: newest.id } });
    took.push(performance.now() - fromMs);
  }
  await Promise.all(clients);
  agent.destroy();
  return section('Rolling back and promoting, under load', [
    {
      'requests/s': answered / seconds,
      'failed requests': failed,
      moves: took.length,
      'a move, median ms': median(took),
      'slowest ms': Math.max(...took),
    },
  ]);
}
