import { createRequire } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import type { PartialMessage } from 'esbuild';
import { UsageError } from '../base/errors.ts';
import { packageType } from './format.ts';
import type { Translate } from './source-place.ts';
import { tsconfigFor } from './tsconfig.ts';
import type { TsConfig } from './tsconfig.ts';

/** As much of the package as is used here. It is the project's own, loaded when needed: Weir does not depend on it. */
interface TypeScript {
  readonly version: string;
  readonly ModuleKind: { readonly CommonJS: number; readonly ES2015: number; readonly ESNext: number };
  readonly ScriptTarget: { readonly ES2022: number };
  readonly JsxEmit: { readonly Preserve: number };
  convertCompilerOptionsFromJson(json: object, folder: string): { readonly options: Readonly<Record<string, unknown>> };
  transpileModule(
    source: string,
    order: { fileName: string; reportDiagnostics: true; compilerOptions: Readonly<Record<string, unknown>> },
  ): { readonly outputText: string; readonly diagnostics?: readonly Diagnostic[] };
  flattenDiagnosticMessageText(text: unknown, newLine: string): string;
}

interface Diagnostic {
  readonly file?: { getLineAndCharacterOfPosition(position: number): { line: number; character: number } };
  readonly start?: number;
  readonly messageText: unknown;
}

/**
 * Dependency injection (NestJS, TypeORM and others) goes by the types that `emitDecoratorMetadata` writes into the
 * output. esbuild does not write them: where tsconfig.json asks for it, files with decorators go through the project's
 * own TypeScript first. Throws UsageError, by way of `refuse`, where that is not possible.
 */
export function decoratorMetadata(dir: string, refuse: (why: UsageError) => void): Translate {
  const configs = new Map<string, Promise<TsConfig | null>>();
  const configOf = (path: string): Promise<TsConfig | null> => {
    const folder = dirname(path);
    if (!configs.has(folder)) configs.set(folder, tsconfigFor(path));
    return configs.get(folder)!;
  };
  return async (path, source) => {
    if (!/\.[mc]?tsx?$/.test(path) || !decorator.test(source)) return null;
    const config = await configOf(path);
    if (config === null || !asksForMetadata(config)) return null;
    try {
      return transpile(typescriptOf(dir, config), config, { path, source, type: await packageType(path), dir });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      refuse(error);
      return { errors: [{ text: error.message }] };
    }
  };
}

/** Whether tsconfig.json of a project asks for it. Names of classes count then too: they are tokens, and names of tables. */
export async function asksForDecoratorMetadata(dir: string): Promise<boolean> {
  const config = await tsconfigFor(join(dir, 'package.json'));
  return config !== null && asksForMetadata(config);
}

/** What may be one; the tags of comments that begin their line are none. */
const decorator = /^(?!\s*(?:\*|\/\*|\/\/))(?:.*[\s(,{;])?@[\w$(]/m;

/** Without the first option the second means nothing, and the decorators are the language's own. */
const asksForMetadata = ({ compilerOptions }: TsConfig): boolean =>
  compilerOptions['experimentalDecorators'] === true && compilerOptions['emitDecoratorMetadata'] === true;

function typescriptOf(dir: string, config: TsConfig): TypeScript {
  const why = `${config.file}: compilerOptions.emitDecoratorMetadata needs`;
  const remedy = 'npm install --save-dev typescript@5';
  let found: Partial<TypeScript>;
  try {
    found = createRequire(join(dir, 'package.json'))('typescript') as Partial<TypeScript>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new UsageError(`${why} the package typescript, which the project does not have: ${remedy}`);
  }
  if (typeof found.transpileModule === 'function') return found as TypeScript;
  throw new UsageError(
    `${why} a TypeScript that can be called from JavaScript, and the project's, version ${found.version}, cannot: ${remedy}`,
  );
}

interface Unit {
  readonly path: string;
  readonly source: string;
  /** `type` of the nearest package.json. */
  readonly type: string | null;
  readonly dir: string;
}

function transpile(ts: TypeScript, config: TsConfig, unit: Unit): { contents: string } | { errors: PartialMessage[] } {
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dirname(config.file));
  const { outputText, diagnostics = [] } = ts.transpileModule(unit.source, {
    fileName: unit.path,
    reportDiagnostics: true,
    compilerOptions: {
      ...options,
      target: options['target'] ?? ts.ScriptTarget.ES2022,
      module: moduleKind(ts, options['module'], unit),
      moduleResolution: undefined,
      jsx: ts.JsxEmit.Preserve,
      importHelpers: false,
      noEmitHelpers: false,
      sourceMap: false,
      inlineSourceMap: true,
      inlineSources: false,
      sourceRoot: undefined,
      mapRoot: undefined,
    },
  });
  // Those without a file are about options, which the compiler proper does not have to agree with.
  const errors = diagnostics.flatMap((each) => messageOf(ts, each, unit));
  return errors.length > 0 ? { errors } : { contents: outputText };
}

/**
 * What tsc itself would write. For CommonJS that matters: a type that is imported from a package stands in the metadata
 * as a value, and a module would fail to load for the lack of it.
 */
function moduleKind({ ModuleKind }: TypeScript, asked: unknown, { path, source, type }: Unit): number {
  // Says what it is, to the compiler proper as well.
  if (/\bimport\s*\.\s*meta\b/.test(source)) return ModuleKind.ESNext;
  if (asked === ModuleKind.CommonJS) return ModuleKind.CommonJS;
  const isEcmaScript = typeof asked === 'number' && asked >= ModuleKind.ES2015 && asked <= ModuleKind.ESNext;
  const isModule = extname(path) === '.mts' || (extname(path) !== '.cts' && type === 'module');
  return isEcmaScript || isModule ? ModuleKind.ESNext : ModuleKind.CommonJS;
}

function messageOf(ts: TypeScript, { file, start, messageText }: Diagnostic, unit: Unit): PartialMessage[] {
  if (file === undefined || start === undefined) return [];
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  const location = { file: relative(unit.dir, unit.path), line: line + 1, column: character };
  return [{ text: ts.flattenDiagnosticMessageText(messageText, '\n'), location }];
}
