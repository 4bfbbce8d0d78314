import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { FunctionConfig, FunctionSpec } from '../../model/function.ts';
import type { Output } from '../../model/output.ts';
import type { Deployment } from '../../model/snapshot.ts';
import { runtimeWarnings, settingsFor, unmatchedWarnings, withDefaults } from '../config.ts';
import type { ProjectConfig } from '../config.ts';
import type { BuildHost } from '../project.ts';
import type { Settings } from '../schema.ts';
import { readBundle } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import { readOutputConfig } from './config-file.ts';
import type { OutputConfig } from './config-file.ts';
import { startOf } from './command.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { FunctionFile } from './function-config.ts';
import { readFunctions } from './functions.ts';
import type { OutputFunctions } from './functions.ts';
import { grouped } from './groups.ts';
import type { Group } from './groups.ts';
import { Faults } from './json-file.ts';
import { layOutFiles } from './lay-out-files.ts';
import { Layout } from './lay-out.ts';
import { repositoryOf } from './repository.ts';
import { Sources } from './sources.ts';
import { mergedCrons, mergedRouting } from './merge.ts';
import { configFile, outputFolder } from './place.ts';
import { applyOverrides, readStaticFiles } from './static-files.ts';
import type { StaticFiles } from './static-files.ts';

export interface OutputOptions {
  readonly project: string;
  readonly deployment: string;
  readonly target: 'production' | 'preview';
  readonly hosts: readonly string[];
  /** Set in every function, weaker than anything the project's own files say. */
  readonly environment: Readonly<Record<string, string>>;
  readonly config: ProjectConfig;
  readonly log: Log;
  readonly host: BuildHost;
  /** Where all that is served is put: the next build replaces the output while this one is served. `claim` makes it. */
  readonly outDir: string;
  claim(): Promise<void>;
}

/** What was read of an output; nothing has been put anywhere. */
interface Read {
  /** The project and its output, without symbolic links. */
  readonly project: string;
  readonly dir: string;
  readonly config: OutputConfig;
  readonly found: OutputFunctions;
  readonly files: StaticFiles['files'];
  readonly bundles: readonly Bundle[];
  readonly sources: Sources;
}

/**
 * Makes a deployment of the build output in `root`, as `deserializeBuildOutput` of @vercel/build-utils reads it. Throws
 * UsageError with every fault found.
 */
export async function buildFromOutput(root: string, options: OutputOptions): Promise<Deployment> {
  const read = await readOutput(root, options.log);
  const names = read.bundles.map((bundle) => bundle.function.name);
  for (const warning of unmatchedWarnings(options.config, names)) options.log.warn(warning);
  const configs = configsOf(read, options);
  const groups = await grouped(read.bundles, (bundle) => configs.get(bundle)!, read.sources);
  if (groups.length > limits.functionsPerDeployment) {
    throw new UsageError(
      `${join(root, outputFolder)}: ${groups.length} functions; at most ${limits.functionsPerDeployment} are allowed`,
    );
  }
  await options.claim();
  const specs = await specsOf(root, groups, options);
  return {
    id: options.deployment,
    project: options.project,
    environment: options.target,
    hosts: options.hosts,
    functions: specs,
    routes: [],
    publicDir: null,
    outputs: await layOutFiles(outputsOf(read, groups, specs), read, join(await realpath(options.outDir), 'files')),
    routing: mergedRouting(read.config.routing, options.config.routing),
    crons: mergedCrons(read.config.crons, options.config.crons),
    fingerprint: await fingerprintOf({ ...read, config: read.config.bytes, environmentOf: environmentsOf(options) }),
    ...(read.config.deploymentId === null ? {} : { ownId: read.config.deploymentId }),
  };
}

async function readOutput(root: string, log: Log): Promise<Read> {
  const faults = new Faults();
  const project = await realpath(root);
  const dir = await realpath(join(root, outputFolder));
  const config = await readOutputConfig(dir, faults);
  const { files, warnings } = await readStaticFiles(dir, project, faults);
  const overridden = config === null ? [] : applyOverrides(files, config.overrides, join(dir, configFile), faults);
  const found = await readFunctions(dir, project, faults);
  const functions = [...found.functions.values()];
  const sources = new Sources(await repositoryOf(project, functions));
  const bundles: Bundle[] = [];
  for (const one of functions) {
    const bundle = await readBundle(one, sources, faults);
    if (bundle !== null) bundles.push(bundle);
  }
  faults.throwIfAny();
  const told = [...config!.warnings, ...warnings, ...overridden, ...found.warnings];
  told.push(
    ...runtimeWarnings(
      dir,
      bundles.map((bundle) => bundle.function.config.settings),
    ),
  );
  for (const warning of [...told, ...middlewareWarnings(dir, config!, found)]) log.warn(warning);
  return { project, dir, config: config!, found, files, bundles, sources };
}

function middlewareWarnings(dir: string, { routing }: OutputConfig, { paths }: OutputFunctions): string[] {
  return routing.rules.flatMap((rule, index) => {
    if ('handle' in rule || rule.middlewarePath === undefined) return [];
    if (paths.has(rule.middlewarePath.replace(/^\/+/, ''))) return [];
    return [`${join(dir, configFile)}: routes[${index}].middlewarePath: there is no function ${rule.middlewarePath}`];
  });
}

/** What its build says of each function, and what the project's `functions` say of its path, which is stronger. */
function configsOf({ bundles }: Read, options: OutputOptions): Map<Bundle, FunctionConfig> {
  // What was built was built for production, also where it is tried out.
  const environment = { ...options.environment, NODE_ENV: 'production', ...options.config.environment };
  return new Map(
    bundles.map(({ function: { name, config: own } }, index) => {
      const settings = settingsFor(options.config, name);
      const { helpers, webApi, sourceMaps, streams } = own;
      const config: FunctionConfig = {
        ...withDefaults({ ...own.settings, ...settings, ...runtimeOf(own) }, options.config),
        helpers,
        webApi,
        sourceMaps,
        streams,
        environment: { ...environment, ...own.environment, ...settings.environment },
      };
      return [bundles[index]!, config];
    }),
  );
}

/** What was built in another language than JavaScript is run by what it was built for, whatever a pattern says. */
const runtimeOf = ({ launch }: FunctionFile): Settings => (launch === 'command' ? { runtime: 'executable' } : {});

/** What the project sets, without what the platform does: that differs from one deployment to the next. */
const environmentsOf =
  ({ config }: OutputOptions) =>
  ({ function: { name, config: own } }: Bundle): Readonly<Record<string, string>> => ({
    ...config.environment,
    ...own.environment,
    ...settingsFor(config, name).environment,
  });

async function specsOf(root: string, groups: readonly Group[], options: OutputOptions): Promise<FunctionSpec[]> {
  const layout = new Layout();
  const folder = join(options.outDir, 'functions');
  if (groups.length > 0) await makeIsolated(folder);
  const specs: FunctionSpec[] = [];
  for (const group of groups) {
    const dir = join(folder, `${group.name}.func`);
    await layout.make(dir, group.files);
    const { launch, assets, eventExport } = group.members[0]!.function.config;
    const command = launch === 'command' ? { command: await startOf(group, dir, root, options.host) } : {};
    specs.push({
      id: `${options.deployment}/${group.name}`,
      label: `${options.project}/${group.name}`,
      project: options.project,
      deployment: options.deployment,
      environment: options.target,
      name: group.name,
      root: dir,
      projectDir: root,
      entry: join(dir, group.handler),
      launch,
      ...(launch === 'edge' ? { assets: assets.map(({ name, path }) => ({ name, file: join(dir, path) })) } : {}),
      ...(eventExport === null ? {} : { eventExport }),
      ...command,
      config: group.config,
    });
  }
  return specs;
}

/** A bundle is on its own: what the project's package.json says of modules counts for nothing in it. */
async function makeIsolated(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{}');
}

/** As the reference reader has it: a function takes the place of a file, and a kept page that of both. */
function outputsOf(
  { found, files }: Read,
  groups: readonly Group[],
  specs: readonly FunctionSpec[],
): ReadonlyMap<string, Output> {
  const ids = new Map<string, string>();
  for (const [index, { members }] of groups.entries()) {
    for (const { function: one } of members) ids.set(one.name, specs[index]!.id);
  }
  const outputs = new Map<string, Output>(files);
  for (const [path, name] of found.paths) {
    if (!found.prerenders.has(path)) outputs.set(path, { kind: 'function', functionId: ids.get(name)! });
  }
  for (const [path, prerender] of found.prerenders) {
    outputs.set(path, { kind: 'prerender', functionId: ids.get(found.paths.get(path)!)!, prerender });
  }
  return outputs;
}
