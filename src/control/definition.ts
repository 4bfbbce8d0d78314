// A deployment as it was made, on the disk: what is served after a restart without being made again.
import { sep } from 'node:path';
import type { FunctionSpec } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';

/** What functions find in their environment, by function. It is kept encrypted, apart from the rest. */
type Environments = Readonly<Record<string, Readonly<Record<string, string>>>>;

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
    if (value instanceof Map) return { $map: [...value] } satisfies Marks;
    if (typeof value === 'string' && (value === dir || value.startsWith(dir + sep)))
      return { $in: value.slice(dir.length) } satisfies Marks;
    // What whoever deploys has named like one of ours: headers may be called anything.
    const isAlike = typeof value === 'object' && value !== null && marks.some((mark) => Object.hasOwn(value, mark));
    return isAlike ? ({ $object: Object.entries(value) } satisfies Marks) : value;
  });
  return { text, environments };
}

/** Null: it was written by another version of Weir. */
export function readDefinition({ text, environments }: Definition, dir: string): Deployment | null {
  const written = JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const { $map, $in, $object } = value as Marks;
    if ($map !== undefined) return new Map($map);
    if ($object !== undefined) return Object.fromEntries($object);
    return $in === undefined ? value : `${dir}${$in}`;
  }) as Written;
  if (written.format !== format) return null;
  const deployment = written.deployment as Deployment;
  const functions = deployment.functions.map((spec) => withEnvironment(spec, environments[spec.name] ?? {}));
  return { ...deployment, functions };
}

/** What JSON has no word for: an object with one name of ours. */
interface Marks {
  readonly $map?: [unknown, unknown][];
  readonly $in?: string;
  readonly $object?: [string, unknown][];
}

const marks = ['$map', '$in', '$object'] as const;

const withEnvironment = (spec: FunctionSpec, environment: FunctionSpec['config']['environment']): FunctionSpec => ({
  ...spec,
  config: { ...spec.config, environment },
});
