// A platform in this process: edge, router and provider over real sockets, with functions that the test makes up. For what no
// project can say yet, and for looking at what instances are made of.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { buildPayload, type Payload } from '../../src/builder/payload.ts';
import type { PythonReleases } from '../../src/builder/python-releases.ts';
import { Edge } from '../../src/edge/server.ts';
import { Ledger } from '../../src/meter/ledger.ts';
import type { FunctionSpec } from '../../src/model/function.ts';
import { ProcessProvider } from '../../src/provider/process.ts';
import type { FunctionLogLine } from '../../src/model/telemetry.ts';
import { Router } from '../../src/router/router.ts';
import { listen } from '../../src/tunnel/dial.ts';

export interface Platform {
  readonly port: number;
  readonly payload: Payload;
  readonly provider: ProcessProvider;
  readonly router: Router;
  readonly lines: FunctionLogLine[];
  /** A line of a function with this in it, as soon as there is one. */
  said(text: string): Promise<FunctionLogLine>;
}

/**
 * `python`: where interpreters are; or what runs in place of Python's runtime: then every interpreter is this Node, without
 * Python's two options.
 */
export async function platform(
  context: TestContext,
  functions: readonly FunctionSpec[],
  python?: string | Pick<PythonReleases, 'binary'>,
): Promise<Platform> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-'));
  const payload = await buildPayload({ cacheDir: join(dir, 'cache') });
  const interpreter = join(dir, 'interpreter');
  writeFileSync(interpreter, `#!/bin/sh\nshift 4\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  const address = `unix:${join(dir, 'tunnel.sock')}`;
  const provider = new ProcessProvider({
    address,
    payload: typeof python === 'string' ? { ...payload, python } : payload,
    environment: process.env,
    clock: systemClock,
    log: silentLog,
    binary: (release) => (typeof python === 'string' ? interpreter : (python?.binary(release) ?? null)),
  });
  const lines: FunctionLogLine[] = [];
  let waiting: (() => void)[] = [];
  const router = new Router({
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    provider,
    ledger: new Ledger(),
    onLog: (line) => {
      lines.push(line);
      for (const look of waiting.splice(0)) look();
    },
  });
  const tunnels = await listen(address, (connection) => router.accept(connection));
  const status = () => ({ functions: [] });
  const edge = new Edge({ invoker: router, clock: systemClock, random: systemRandom, log: silentLog, status });
  const snapshot = { version: 1, deployments: functions.map(deploymentOf) };
  router.publish(snapshot);
  edge.publish(snapshot);
  const { port } = await edge.listen(0, '127.0.0.1');
  context.after(async () => {
    await Promise.all([edge.close(), router.close()]);
    await Promise.all([tunnels.close(), provider.close()]);
    rmSync(dir, { recursive: true, force: true });
  });
  const said = async (text: string): Promise<FunctionLogLine> => {
    for (;;) {
      const line = lines.find((each) => each.text.includes(text));
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { port, payload, provider, router, lines, said };
}

/** Answers for `NAME.localhost`, whatever the path. */
const deploymentOf = (spec: FunctionSpec) => ({
  id: spec.deployment,
  project: spec.project,
  environment: 'preview' as const,
  hosts: [`${spec.name}.localhost`],
  functions: [spec],
  routes: [{ pattern: '/[...path]', segments: [{ kind: 'rest' as const, name: 'path' }], functionId: spec.id }],
  publicDir: null,
  outputs: null,
  routing: null,
  crons: [],
  fingerprint: 'f',
});

export const specOf = (
  name: string,
  changes: Pick<FunctionSpec, 'root' | 'launch'> & Partial<FunctionSpec>,
  config: Partial<FunctionSpec['config']>,
): FunctionSpec => ({
  id: `dpl_${name}/${name}`,
  label: `${name}/${name}`,
  project: name,
  deployment: `dpl_${name}`,
  name,
  entry: changes.root,
  environment: 'preview',
  ...changes,
  config: {
    memoryMiB: 512,
    maxDurationMs: 60_000,
    maxConcurrency: 'auto',
    weight: 1,
    helpers: true,
    runtime: 'executable',
    environment: {},
    ...config,
  },
});
