// A control without a platform: a clock that moves when it is told to, deployments that are made of nothing.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Log } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { NewDeployment } from '../../src/api/deployments.ts';
import { newDeployment } from '../../src/api/deployments.ts';
import { Control } from '../../src/control/control.ts';
import type { DeploymentMaker, MakeOrder } from '../../src/control/deployments/maker.ts';
import type { DeploymentRecord } from '../../src/control/store/deployment-store.ts';
import type { Deployment, Snapshot } from '../../src/model/snapshot.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { sha256, temporary } from './rig.ts';

export interface Local {
  readonly control: Control;
  readonly dir: string;
  readonly clock: VirtualClock;
  readonly snapshots: readonly Snapshot[];
  readonly logged: readonly string[];
  /** Uploads and finishes; resolves when it has been made, or could not be. */
  deploy(project: string, order?: Partial<NewDeployment>, text?: string): Promise<DeploymentRecord>;
}

export interface LocalOptions {
  readonly dir?: string;
  readonly clock?: VirtualClock;
  readonly maker?: Partial<DeploymentMaker>;
  /** Asked before a snapshot is taken: it may throw. */
  readonly onPublish?: (snapshot: Snapshot) => void;
  readonly seed?: number;
}

export async function local(t: TestContext, options: LocalOptions = {}): Promise<Local> {
  const { dir = temporary(t), clock = new VirtualClock() } = options;
  const snapshots: Snapshot[] = [];
  const logged: string[] = [];
  const control = await Control.open({
    dir,
    clock,
    random: seededRandom(options.seed ?? 1),
    log: loggingTo(logged),
    place: { scheme: 'http', domain: 'localhost', port: () => 3000 },
    maker: { make: async (order) => made(order), settle: async (each) => each, facts: () => ({}), ...options.maker },
    publish(snapshot) {
      options.onPublish?.(snapshot);
      snapshots.push(snapshot);
    },
  });
  t.after(() => control.close());
  await control.start();
  return { control, dir, clock, snapshots, logged, deploy: (...order) => deploy(control, ...order) };
}

async function deploy(
  control: Control,
  project: string,
  order: Partial<NewDeployment> = {},
  text = 'hello',
): Promise<DeploymentRecord> {
  const { record } = await control.deployments.create(project, orderOf(order, text), null);
  await control.blobs.put(sha256(text), (await control.blobs.state(sha256(text))).offset, once(text));
  await control.deployments.finish(record.id);
  await makingEnd(control, record.id);
  return control.deployments.require(record.id);
}

export const orderOf = (order: Partial<NewDeployment> = {}, text = 'hello') =>
  newDeployment.parse({
    target: 'production',
    files: [{ path: 'a.txt', sha256: sha256(text), bytes: Buffer.byteLength(text) }],
    ...order,
  });

export async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Until nothing more is said of it: what became of it is in the database, and served. */
export async function makingEnd(control: Control, id: string): Promise<void> {
  const said = control.making.logOf(id);
  if (said !== null) for await (const _ of said.follow(new AbortController().signal));
}

export const made = ({ id, project, target, dir, host }: MakeOrder): Deployment => ({
  id,
  project,
  environment: target,
  hosts: [host],
  functions: [],
  routes: [],
  publicDir: join(dir, 'public'),
  outputs: null,
  routing: null,
  crons: [],
  fingerprint: id,
});

export function loggingTo(lines: string[]): Log {
  const write = (text: string, fields?: object): void => {
    lines.push(`${text} ${JSON.stringify(fields ?? {})}`);
  };
  return { debug: write, info: write, warn: write, error: write };
}
