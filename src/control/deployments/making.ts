import { writeFile, rename, readFile, rm, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { ApiError } from '../../api/errors.ts';
import type { Deployment } from '../../model/snapshot.ts';
import { type BlobStore, syncDirectory } from '../blobs.ts';
import { readDefinition, writeDefinition } from '../definition.ts';
import type { Sealer } from '../sealing.ts';
import type { DeploymentRecord, DeploymentStore } from '../store/deployment-store.ts';
import type { ProjectStore, VariableStore } from '../store/project-store.ts';
import { layOut } from '../tree.ts';
import type { DeploymentMaker } from './maker.ts';
import { MakingLog } from './making-log.ts';

export interface MakingParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Where deployments are laid out, one folder each. */
  readonly dir: string;
  readonly blobs: BlobStore;
  readonly store: DeploymentStore;
  readonly projects: ProjectStore;
  readonly variables: VariableStore;
  readonly sealer: Sealer;
  readonly maker: DeploymentMaker;
  /** Host name under which a deployment is found for good. */
  hostOf(record: Pick<DeploymentRecord, 'id' | 'project'>): string;
}

/** What is kept encrypted of a deployment: what its functions find, and which of it the platform said. */
interface KeptEnvironment {
  readonly functions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly facts: Readonly<Record<string, string>>;
}

/** Makes deployments of what was uploaded, a few at a time, and reads again what was made before. */
export class Making {
  readonly #parts: MakingParts;
  readonly #logs = new Map<string, MakingLog>();
  /** What cannot be made from now on is made at the next start. */
  isStopping = false;

  constructor(parts: MakingParts) {
    this.#parts = parts;
  }

  dirOf(id: string): string {
    return join(this.#parts.dir, id);
  }

  /** What is said while it is made, or was, a moment ago; null: it is not known any more. */
  logOf(id: string): MakingLog | null {
    return this.#logs.get(id) ?? null;
  }

  /** From now on somebody may follow what is said of it. */
  begin(id: string): void {
    const known = this.#logs.get(id);
    if (known !== undefined && !known.hasEnded) return;
    this.#logs.delete(id);
    this.#logs.set(id, new MakingLog(this.#parts.clock));
  }

  /** Nothing more is said of it. */
  end(id: string): void {
    this.#logs.get(id)?.end();
    const ended = [...this.#logs].filter(([, { hasEnded }]) => hasEnded);
    for (const [old] of ended.slice(0, -limits.makeLogsKept)) this.#logs.delete(old);
  }

  /** Makes it, and notes what became of it. Null: it failed (which is noted), or was deleted meanwhile. */
  async make(record: DeploymentRecord): Promise<Deployment | null> {
    const { store, clock, log } = this.#parts;
    this.begin(record.id);
    const said = this.#logs.get(record.id)!.log;
    const fromMs = clock.nowMs();
    try {
      const { deployment, kept } = await this.#made(record, said);
      const isNoted = store.ready(record.id, {
        readyMs: clock.wallMs(),
        environment: this.#parts.sealer.seal(JSON.stringify(kept), contextOf(record.id)),
        functions: summariesOf(deployment),
        crons: [...deployment.crons],
      });
      said.info(`made in ${((clock.nowMs() - fromMs) / 1000).toFixed(1)} s`);
      return isNoted ? deployment : null;
    } catch (error) {
      // Who stops the platform at a terminal stops builds with it: that is no fault of the files.
      if (this.isStopping) throw error;
      // Its files may have gone while they were read.
      if ((store.find(record.id)?.state ?? 'deleted') === 'deleted') return null;
      const isTheirs = error instanceof UsageError || error instanceof ApiError;
      const why = isTheirs ? error.message : 'Something went wrong inside the control: its log says what.';
      if (!isTheirs) log.error(`${record.id} could not be made`, { why: (error as Error).stack });
      const text = asUploaded(why, join(this.dirOf(record.id), 'tree'), record.directory).slice(
        0,
        limits.detailBytes * 4,
      );
      said.error(text);
      // One that was ready may have been live, and what kept it from being made again may pass: it is tried at the next start.
      if (record.readyMs !== null) {
        log.error(`${record.id} of ${record.project} is not served: it could not be made again`, { why: text });
        store.move(record.id, 'ready');
        return null;
      }
      store.move(record.id, 'failed', text);
      await rm(this.dirOf(record.id), { recursive: true, force: true });
      return null;
    }
  }

  async #made(record: DeploymentRecord, said: Log): Promise<{ deployment: Deployment; kept: KeptEnvironment }> {
    const { blobs, store, maker, variables } = this.#parts;
    const dir = this.dirOf(record.id);
    const tree = join(dir, 'tree');
    await layOut(store.manifest(record.id), blobs, tree);
    const order = this.#order(record);
    const project = join(tree, record.directory);
    const built = await maker.make({ ...order, dir: project, log: said });
    const own = variables.values(record.project, record.target);
    const made = withVariables({ ...built, createdMs: record.createdMs }, own);
    const { text, environments } = writeDefinition(made, dir);
    await writeWhole(join(dir, 'definition.json'), text);
    const deployment = await maker.settle(made, project, record.target === 'production');
    return { deployment, kept: { functions: environments, facts: maker.facts(order) } };
  }

  /** What was made before. Null: it has to be made again. Throws UsageError when what it needs cannot be installed. */
  async load(record: DeploymentRecord, ahead: boolean): Promise<Deployment | null> {
    const { store, sealer, maker, log } = this.#parts;
    const dir = this.dirOf(record.id);
    const sealed = store.environment(record.id);
    const text = await readFile(join(dir, 'definition.json'), 'utf8').catch(() => null);
    if (text === null || sealed === null) return null;
    let read: Deployment | null;
    try {
      const { functions, facts } = JSON.parse(sealer.open(sealed, contextOf(record.id))) as KeptEnvironment;
      const now = maker.facts(this.#order(record));
      const environments = Object.fromEntries(
        Object.entries(functions).map(([name, environment]) => [name, withFacts(environment, facts, now)]),
      );
      read = readDefinition({ text, environments }, dir);
    } catch (error) {
      log.error(`${record.id}: what was made of it cannot be read, it is made again`, {
        why: (error as Error).message,
      });
      return null;
    }
    return read === null ? null : maker.settle(read, join(dir, 'tree', record.directory), ahead);
  }

  #order(record: DeploymentRecord) {
    const { projects } = this.#parts;
    const { id, project, target } = record;
    const skewProtection = (projects.find(project)?.skewMaxAgeMs ?? 0) > 0;
    return { id, project, target, host: this.#parts.hostOf(record), skewProtection };
  }
}

/** Where files were laid out says nothing to whoever uploaded them. */
function asUploaded(text: string, tree: string, directory: string): string {
  const project = join(tree, directory);
  return text
    .replaceAll(`${project}/`, '')
    .replaceAll(project, 'the project')
    .replaceAll(`${tree}/`, '')
    .replaceAll(tree, 'the upload');
}

const contextOf = (id: string): string => `environment ${id}`;

/** What the project was told to set goes before what its files say. What is learned of a function is its next deployment's too. */
const withVariables = (deployment: Deployment, own: Readonly<Record<string, string>>): Deployment => ({
  ...deployment,
  functions: deployment.functions.map((spec) => ({
    ...spec,
    lineage: `${spec.environment} of ${spec.project}`,
    config: { ...spec.config, environment: { ...spec.config.environment, ...own } },
  })),
});

/** What the platform said when it was made, and nobody else had a say in, is what it says now. */
function withFacts(
  environment: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): Record<string, string> {
  const result = { ...environment };
  for (const [name, value] of Object.entries(now)) if (result[name] === before[name]) result[name] = value;
  return result;
}

function summariesOf({ functions, routes }: Deployment): DeploymentRecord['functions'] {
  const patterns = new Map<string, string[]>();
  for (const { functionId, pattern } of routes)
    patterns.set(functionId, [...(patterns.get(functionId) ?? []), pattern]);
  return functions.map(({ id, name, label, config }) => ({
    id,
    name,
    label,
    runtime: config.runtime,
    memoryMiB: config.memoryMiB,
    maxDurationMs: config.maxDurationMs,
    maxConcurrency: config.maxConcurrency,
    routes: patterns.get(id) ?? [],
  }));
}

/** Whole or not at all, and on the disk. */
async function writeWhole(file: string, text: string): Promise<void> {
  const beside = `${file}.new`;
  await writeFile(beside, text, { mode: 0o600 });
  const handle = await open(beside, 'r');
  await handle.sync();
  await handle.close();
  await rename(beside, file);
  await syncDirectory(join(file, '..'));
}
