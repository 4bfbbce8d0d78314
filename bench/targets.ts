// What is compared: the same handler, bare, behind nginx, in Weir, and in wattpm.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { family } from './cpu.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
export const workDir = join(repository, '.bench');

export interface Target {
  readonly name: string;
  readonly origin: string;
  /** Every process in the path, as of now. */
  pids(): readonly number[];
  /** The process that owns the client's connection. */
  readonly frontPid: number;
  stop(): Promise<void>;
}

/** One server for all: it listens where PORT says, which Weir captures and the others open. */
const handler = `
import { createServer } from 'node:http';
const bodies = { '/100k': Buffer.alloc(100 * 1024, 97), '/1m': Buffer.alloc(1024 * 1024, 97) };
createServer((req, res) => {
  const body = bodies[req.url] ?? 'Hello, world!\\n';
  if (req.url.startsWith('/wait')) return setTimeout(() => res.end(String(process.pid)), 1000);
  if (req.url.startsWith('/slow')) {
    let left = 1600;
    const block = bodies['/100k'].subarray(0, 65536);
    const more = () => { while (left > 0) { left -= 1; if (!res.write(block)) return res.once('drain', more); } res.end(); };
    return more();
  }
  res.writeHead(200, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}).listen(process.env.PORT ?? 3000, '127.0.0.1');
`;

export function projectDir(name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(workDir, name);
  rmSync(dir, { recursive: true, force: true });
  for (const [path, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(origin: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${origin}: the server exited with ${child.exitCode}`);
    const response = await fetch(origin).catch(() => null);
    await response?.arrayBuffer();
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${origin} did not answer within 60 s`);
}

async function target(name: string, child: ChildProcess, origin: string, behind: readonly Target[]): Promise<Target> {
  await answers(origin, child);
  const pid = child.pid!;
  return {
    name,
    origin,
    frontPid: pid,
    pids: () => [...family(pid), ...behind.flatMap((each) => each.pids())],
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

export async function direct(): Promise<Target> {
  const dir = projectDir('direct', { 'server.js': handler });
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, [join(dir, 'server.js')], { env, stdio: 'inherit' });
  return target('node:http', child, `http://127.0.0.1:${port}`, []);
}

/** A server that listens on the port that PORT says, as `command` starts it in `dir`. `{port}` in it is that port. */
export async function server(name: string, dir: string, command: readonly string[], path = ''): Promise<Target> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), HOSTNAME: '127.0.0.1' };
  const [program, ...args] = command.map((each) => each.replace('{port}', String(port)));
  const child = spawn(program!, args, { cwd: dir, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const origin = `http://127.0.0.1:${port}`;
  return { ...(await target(name, child, origin + path, [])), origin };
}

/** In front of one server, or of several in turn (`name`). */
export async function nginx(upstreams: readonly Target[], name = 'nginx → node:http'): Promise<Target> {
  const dir = projectDir(name.replaceAll(/\W+/g, '-'), {});
  const port = await freePort();
  const servers = upstreams.map(({ origin }) => `server ${new URL(origin).host};`).join(' ');
  writeFileSync(
    join(dir, 'nginx.conf'),
    `worker_processes 1; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p;
  fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  upstream node { ${servers} keepalive 256; }
  server {
    listen 127.0.0.1:${port} backlog=4096; keepalive_requests 1000000;
    location / {
      proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`,
  );
  const child = spawn('nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir, '-e', join(dir, 'error.log')], {
    stdio: 'inherit',
  });
  return target(name, child, `http://127.0.0.1:${port}`, upstreams);
}

export interface WeirOptions {
  readonly name: string;
  readonly args?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** A project that is there, instead of `files`. */
  readonly dir?: string;
  readonly probe?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

let states = 0;

/** Weir as a user runs it: `weir dev DIR`. */
export async function weir(options: WeirOptions): Promise<Target> {
  const files = options.files ?? { 'server.js': handler };
  const dir = options.dir ?? projectDir(options.name.replaceAll(/\W+/g, '-'), files);
  const args = ['dev', dir, '--port', '0', ...(options.args ?? [])];
  // Nothing that was learned before.
  const stateDir = join(workDir, 'state', String(process.pid), String((states += 1)));
  // By the command itself, which has flags for Node, but on the Node that runs the bench.
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  const env = { ...process.env, PATH: path, ...options.environment, XDG_STATE_HOME: stateDir };
  const child = spawn(join(repository, 'bin/weir'), args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    if (/^ready /m.test(printed)) break;
  }
  const [, origin] = /^ready (http:\S+)$/m.exec(printed) ?? [];
  if (origin === undefined) throw new Error(`weir dev printed:\n${printed}`);
  return target(options.name, child, origin + (options.probe ?? ''), []).then((ready) => ({ ...ready, origin }));
}

export const limited = (maxConcurrency: number): Readonly<Record<string, string>> => ({
  'server.js': handler,
  'weir.json': JSON.stringify({ functions: { 'server.js': { maxConcurrency } } }),
});

/** Platformatic Watt, one worker, installed into the bench's own folder on request. */
export async function wattpm(): Promise<Target> {
  const port = await freePort();
  const dir = join(workDir, 'wattpm');
  if (!existsSync(join(dir, 'node_modules/wattpm'))) {
    projectDir('wattpm', {});
    execFileSync('npm', ['install', '--prefix', dir, 'wattpm', '@platformatic/node'], { stdio: 'inherit' });
  }
  mkdirSync(join(dir, 'web/hello'), { recursive: true });
  writeFileSync(join(dir, 'web/hello/server.js'), handler);
  writeFileSync(
    join(dir, 'web/hello/watt.json'),
    JSON.stringify({ $schema: 'https://schemas.platformatic.dev/@platformatic/node/3.0.0.json' }),
  );
  writeFileSync(join(dir, 'web/hello/package.json'), '{ "type": "module", "name": "hello", "main": "server.js" }');
  writeFileSync(
    join(dir, 'watt.json'),
    JSON.stringify({
      $schema: 'https://schemas.platformatic.dev/wattpm/3.0.0.json',
      server: { hostname: '127.0.0.1', port },
      workers: 1,
      logger: { level: 'error' },
      autoload: { path: 'web' },
    }),
  );
  const child = spawn(process.execPath, [join(dir, 'node_modules/.bin/wattpm'), 'start', dir], {
    cwd: dir,
    stdio: 'inherit',
  });
  return target('wattpm, 1 worker', child, `http://127.0.0.1:${port}`, []);
}

/**
 * A built Next.js application in Platformatic Watt, one worker; watt is installed into the bench's own folder on request, with
 * the package that its own image optimiser imports without naming it.
 */
export async function wattNext(application: string): Promise<Target> {
  const port = await freePort();
  const dir = join(workDir, 'watt-next');
  if (!existsSync(join(dir, 'node_modules/wattpm'))) {
    projectDir('watt-next', {});
    execFileSync('npm', ['install', '--prefix', dir, 'wattpm', '@platformatic/next', '@platformatic/job-queue'], {
      stdio: 'inherit',
    });
  }
  writeFileSync(
    join(dir, 'watt.json'),
    JSON.stringify({
      $schema: 'https://schemas.platformatic.dev/@platformatic/next/3.0.0.json',
      runtime: { server: { hostname: '127.0.0.1', port }, workers: 1, logger: { level: 'error' } },
    }),
  );
  cpSync(application, dir, {
    recursive: true,
    filter: (path) => !/\/(?:\.weir|\.vercel)(?:\/|$)/.test(path) && path !== join(application, 'node_modules'),
  });
  const modules = join(dir, 'node_modules');
  for (const name of ['next', 'react', 'react-dom', 'styled-jsx', '@next', '@swc']) {
    rmSync(join(modules, name), { recursive: true, force: true });
    if (existsSync(join(application, 'node_modules', name)))
      symlinkSync(join(application, 'node_modules', name), join(modules, name));
  }
  const child = spawn(process.execPath, [join(modules, '.bin/wattpm'), 'start', dir], { cwd: dir, stdio: 'inherit' });
  const origin = `http://127.0.0.1:${port}`;
  return { ...(await target('Watt, 1 worker', child, `${origin}/api/hello`, [])), origin };
}
