import type { FunctionSpec } from '../model/function.ts';
import type { Load } from '../tunnel/greeting.ts';

/** What LOAD tells an instance of its function. */
export function loadOf(spec: FunctionSpec, maxConcurrency: number): Load {
  const { config, assets, eventExport, command, modulePaths, bytecodeDir } = spec;
  return {
    function: spec.id,
    root: spec.root,
    entry: spec.entry,
    launch: config.webApi === true && spec.launch === 'module' ? 'web' : spec.launch,
    helpers: config.helpers,
    ...(config.sourceMaps === undefined ? {} : { sourceMaps: config.sourceMaps }),
    ...(assets === undefined ? {} : { assets: Object.fromEntries(assets.map(({ name, file }) => [name, file])) }),
    ...(eventExport === undefined ? {} : { eventExport }),
    ...(command === undefined ? {} : { command }),
    ...(modulePaths === undefined ? {} : { modulePaths }),
    ...(bytecodeDir === undefined ? {} : { bytecode: bytecodeDir }),
    environment: config.environment,
    memoryMiB: config.memoryMiB,
    maxDurationMs: config.maxDurationMs,
    maxConcurrency,
    deployment: spec.deployment,
    project: spec.project,
  };
}
