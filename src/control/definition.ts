// A deployment as it was made, on the disk: what is served after a restart without being made again.
import { sep } from 'node:path';
import type { FunctionSpec } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';

/** What functions find in their environment, by function. It is kept encrypted, apart from the rest. */
export type Environments = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Definition {
  /** JSON, without any environment; paths in `dir` are written as what they are in it. */
  readonly text: string;
  readonly environments: Environments;
}

/** Of what this is written by: another one is made anew. */
const format = 1;

interface Written {
  readonly format: number;
  readonly deployment: unknown;
}

export function writeDefinition(deployment: Deployment, dir: string): Definition {
  const environments = Object.fromEntries(deployment.functions.map(({ name, config }) => [name, config.environment]));
  const bare = { ...deployment, functions: deployment.functions.map((spec) => withEnvironment(spec, {})) };
  const text = JSON.stringify({ format, deployment: bare } satisfies Written, (_, value: unknown) => {
    if (value instanceof Map) return { $map: [...value] };
    if (typeof value === 'string' && (value === dir || value.startsWith(dir + sep)))
      return { $in: value.slice(dir.length) };
    return value;
  });
  return { text, environments };
}

/** Null: it was written by another version of Weir. */
export function readDefinition({ text, environments }: Definition, dir: string): Deployment | null {
  const written = JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$map' in value) return new Map(value.$map as [unknown, unknown][]);
    return '$in' in value ? `${dir}${String(value.$in)}` : value;
  }) as Written;
  if (written.format !== format) return null;
  const deployment = written.deployment as Deployment;
  const functions = deployment.functions.map((spec) => withEnvironment(spec, environments[spec.name] ?? {}));
  return { ...deployment, functions };
}

const withEnvironment = (spec: FunctionSpec, environment: FunctionSpec['config']['environment']): FunctionSpec => ({
  ...spec,
  config: { ...spec.config, environment },
});
