// Hot path: what a deployment has at a path.
import type { FileOutput, Output, Prerender } from '../../model/output.ts';
import type { FunctionSpec } from '../../model/function.ts';
import type { Rule } from '../../model/routing.ts';
import type { Deployment } from '../../model/snapshot.ts';
import type { StaticFile, StaticFiles } from '../files.ts';
import type { RouteTable } from '../match.ts';
import { mediaType } from '../media.ts';
import { OutputPaths, type Outputs } from '../routing/outputs.ts';

/** What answers a request. */
export type There =
  | { readonly kind: 'file'; readonly file: StaticFile }
  | {
      readonly kind: 'function';
      readonly spec: FunctionSpec;
      /** For the meter. */
      readonly pattern: string;
      /** Of the path, ready for a query: name, value, name, value, … */
      readonly parameters: readonly string[];
    }
  | { readonly kind: 'prerender'; readonly spec: FunctionSpec; readonly path: string; readonly prerender: Prerender }
  | { readonly kind: 'image' };

/** Keys are paths, decoded, without a leading slash. */
export interface Theres extends Outputs {
  /** `path`: where it was found, as it was asked for: encoded, with a leading slash. Default: by its key. */
  get(key: string, path?: string): There | null;
}

/** What a build put there. */
export class BuiltOutputs implements Theres {
  readonly #outputs: ReadonlyMap<string, Output>;
  readonly #specs: ReadonlyMap<string, FunctionSpec>;
  readonly #images: ReadonlySet<string>;
  readonly #paths: OutputPaths;

  constructor({ outputs, functions, routing }: Deployment) {
    this.#outputs = outputs ?? new Map<string, Output>();
    this.#specs = new Map(functions.map((spec) => [spec.id, spec]));
    this.#images = new Set(routing?.images == null ? [] : imagePaths);
    const asked = new Set(routing?.rules.map(middlewareOf));
    const keys = [...this.#outputs.keys()].filter((key) => !asked.has(key));
    this.#paths = new OutputPaths([...keys, ...this.#images]);
  }

  find(path: string): string | null {
    return this.#paths.find(path);
  }

  get(key: string): There | null {
    const output = this.#outputs.get(key);
    if (output === undefined) return this.#images.has(key) ? { kind: 'image' } : null;
    if (output.kind === 'file') return { kind: 'file', file: staticFile(output) };
    const spec = this.#specs.get(output.functionId);
    if (spec === undefined) return null;
    if (output.kind === 'function') return { kind: 'function', spec, pattern: `/${key}`, parameters: [] };
    return { kind: 'prerender', spec, path: key, prerender: output.prerender };
  }
}

/** What a rule asks by its name is no page of the deployment's. */
const middlewareOf = (rule: Rule): string | undefined =>
  'handle' in rule ? undefined : rule.middlewarePath?.replace(/^\//, '');

/** Where the hosted platform has its image optimisation, and where Next.js asks for it. */
const imagePaths = ['_vercel/image', '_next/image'];

const staticFile = ({ file, contentType }: FileOutput): StaticFile => ({
  file,
  type: contentType ?? mediaType(file),
});

/** A plain project's files and functions. */
export class PlainOutputs implements Theres {
  readonly #files: StaticFiles;
  readonly #routes: RouteTable;
  readonly #images: ReadonlySet<string>;
  /** `x.html` is found at `x`, too. */
  readonly #cleanUrls: boolean;

  constructor(files: StaticFiles, routes: RouteTable, { routing }: Deployment) {
    this.#files = files;
    this.#routes = routes;
    this.#cleanUrls = routing?.cleanUrls === true;
    this.#images = new Set(routing?.images == null ? [] : imagePaths);
  }

  find(path: string, asked: string): string | null {
    if (this.#images.has(path) || this.#files.has(`/${path}`)) return path;
    if (this.#cleanUrls && this.#files.has(`/${path}.html`)) return `${path}.html`;
    return this.#routes.lookup(asked) === null ? null : path;
  }

  /** Functions by the encoded path: only there an encoded slash is another than one that separates. */
  get(key: string, path = encoded(key)): There | null {
    const file = this.#files.get(`/${key}`);
    if (file !== undefined) return { kind: 'file', file };
    if (this.#images.has(key)) return { kind: 'image' };
    const found = this.#routes.lookup(path);
    return found === null ? null : { kind: 'function', ...found };
  }
}

const encoded = (path: string): string => `/${path.split('/').map(encodeURIComponent).join('/')}`;
