// An instance of the program for tests, and a router that plays its part.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { HostedExit } from '../../model/hosted.ts';
import type { Load } from '../../tunnel/greeting.ts';
import { FakeRouter } from '../router.fixture.ts';
import { HostedInstance } from './hosted.ts';

export const program = fileURLToPath(new URL('program.fixture.ts', import.meta.url));

export interface Rig extends AsyncDisposable {
  readonly router: FakeRouter;
  readonly exit: Promise<HostedExit>;
  readonly pid: () => number;
}

export async function start(
  options: {
    stem?: boolean;
    load?: Partial<Load>;
    services?: boolean;
    memoryMiB?: number;
    speaks?: boolean;
    mood?: string;
  } = {},
): Promise<Rig> {
  const exit = Promise.withResolvers<HostedExit>();
  const dir = mkdtempSync(join(tmpdir(), 'weir-test-'));
  let pid = 0;
  let instance: HostedInstance | null = null;
  const { memoryMiB = 2048, speaks, mood, ...routed } = options;
  const launch = (address: string, token: string): void => {
    instance = new HostedInstance(
      {
        instance: 'ins_1',
        address,
        token,
        release: 'executable',
        command: null,
        environment: { PATH: env['PATH'] ?? '' },
        memoryMiB,
      },
      join(dir, 'ipc'),
      { running: (of) => (pid = of), output: () => undefined, exited: exit.resolve },
    );
  };
  const environment = { ...(speaks === true ? { SPEAKS: '1' } : {}), ...(mood === undefined ? {} : { MOOD: mood }) };
  const command = [process.execPath, program];
  const router = await FakeRouter.start({
    ...routed,
    load: { launch: 'command', command, environment, ...routed.load },
    launch,
  });
  return {
    router,
    exit: exit.promise,
    pid: () => pid,
    async [Symbol.asyncDispose]() {
      instance?.kill();
      await exit.promise;
      await router.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
