import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import type { PythonRuntime } from '../../model/function.ts';
import { isPythonRuntime } from '../python-releases.ts';
import { discontinuedRuntimes, pythonRuntimeForm, runtimes } from '../runtimes.ts';
import { codeSettings } from '../schema.ts';
import type { Settings } from '../schema.ts';
import { checked } from './json-file.ts';
import type { Faults } from './json-file.ts';

/** A function's `.vc-config.json`, as far as it has an effect. */
export interface FunctionFile {
  readonly launch: 'module' | 'edge' | 'event' | 'command';
  /** Of launch 'command': what starts the handler; null: it is a program itself. */
  readonly starter: 'bun' | PythonRuntime | null;
  /** Of launch 'event': the export that takes events. */
  readonly eventExport: string | null;
  /** The file to load, as the bundle has it. */
  readonly handler: string;
  /** Bundle path → path below the repository's root. */
  readonly filePathMap: Readonly<Record<string, string>>;
  /** Memory, maxDuration, maxConcurrency and runtime, as far as they are said. */
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string>>;
  readonly helpers: boolean;
  readonly webApi: boolean;
  readonly sourceMaps: boolean;
  readonly streams: boolean;
  /** May share its instances with others whose bundles fit. */
  readonly mayBeGrouped: boolean;
  /** Edge functions only: files that the code fetches by name. */
  readonly assets: readonly { readonly name: string; readonly path: string }[];
}

const yesOrNo = z.boolean({ error: 'true or false' }).optional();
const someText = (wanted: string) => z.string({ error: wanted }).min(1, { error: wanted });
const nodeRuntimes = [...runtimes, ...Object.keys(discontinuedRuntimes)] as const;

const environment = z.record(z.string(), z.string({ error: 'a string' }), {
  error: 'an object whose values are strings',
});
const filePathMap = z
  .record(z.string(), z.string({ error: 'a path' }), { error: 'an object from paths in the bundle to paths of files' })
  .refine((map) => Object.keys(map).length <= limits.functionFiles, {
    error: `at most ${limits.functionFiles} files`,
  });

const eventHandler = 'the file and the export that takes AWS events, as "index.handler"';

const nodeSchema = z.object(
  {
    handler: someText('the path of the file to load, in the bundle'),
    runtime: z.enum(nodeRuntimes as readonly [string, ...string[]], {
      error:
        `${runtimes.map((runtime) => JSON.stringify(runtime)).join(', ')}, "edge", "python3.12" (or another 3.x), "bun1.x" or "executable" ` +
        '(functions of other runtimes are not run in this version of Weir)',
    }),
    launcherType: z.literal('Nodejs', { error: '"Nodejs"' }).optional(),
    awsLambdaHandler: z
      .string({ error: eventHandler })
      .regex(/^$|\.[\w$]+$/, { error: eventHandler })
      .optional(),
    memory: codeSettings.memory,
    maxDuration: codeSettings.maxDuration,
    maxConcurrency: codeSettings.maxConcurrency,
    environment: environment.optional(),
    filePathMap: filePathMap.optional(),
    shouldAddHelpers: yesOrNo,
    shouldAddSourcemapSupport: yesOrNo,
    useWebApi: yesOrNo,
    supportsResponseStreaming: yesOrNo,
    experimentalResponseStreaming: yesOrNo,
    experimentalAllowBundling: yesOrNo,
  },
  { error: 'an object' },
);

const hostedPython = 'vc__handler__python';
const pythonHandler = `"${hostedPython}.vc_handler", which the hosted platform's builder writes`;

/** Programs, and what other languages' builders write: each listens on a port. */
const commandSchema = z.object(
  {
    handler: someText('the path of the program or the file to start, in the bundle'),
    runtime: z.string(),
    memory: codeSettings.memory,
    maxDuration: codeSettings.maxDuration,
    maxConcurrency: codeSettings.maxConcurrency,
    environment: environment.optional(),
    filePathMap: filePathMap.optional(),
    supportsResponseStreaming: yesOrNo,
  },
  { error: 'an object' },
);

const edgeSchema = z.object(
  {
    entrypoint: someText('the path of the file to load, in the bundle'),
    environment: environment.optional(),
    filePathMap: filePathMap.optional(),
    assets: z
      .array(z.object({ name: z.string(), path: z.string() }, { error: 'an object with name and path' }), {
        error: 'a list',
      })
      .optional(),
  },
  { error: 'an object' },
);

/** Null when it cannot be used; the faults say why. */
export function functionFile(value: unknown, path: string, faults: Faults): FunctionFile | null {
  const { type, runtime } = (value ?? {}) as { type?: unknown; runtime?: unknown };
  return type === 'EdgeFunction' || runtime === 'edge'
    ? edgeFunction(value, path, faults)
    : typeof runtime === 'string' && ofCommand.test(runtime)
      ? commandFunction(value, path, faults)
      : nodeFunction(value, path, faults);
}

const ofCommand = new RegExp(`^(?:executable|${pythonRuntimeForm}|bun1(?:\\.\\d+)?\\.x)$`);

function commandFunction(value: unknown, path: string, faults: Faults): FunctionFile | null {
  const config = checked(commandSchema, value, path, faults);
  if (config === null) return null;
  const { runtime, memory, maxDuration, maxConcurrency } = config;
  const isPython = isPythonRuntime(runtime);
  if (isPython && config.handler !== `${hostedPython}.vc_handler`) {
    faults.add(path, `handler: expected ${pythonHandler}, got ${JSON.stringify(config.handler.slice(0, 60))}`);
    return null;
  }
  return {
    launch: 'command',
    starter: isPython ? runtime : runtime === 'executable' ? null : 'bun',
    eventExport: null,
    handler: isPython ? `${hostedPython}.py` : config.handler,
    filePathMap: config.filePathMap ?? {},
    settings: { memory, maxDuration, maxConcurrency, runtime: 'executable' },
    environment: config.environment ?? {},
    helpers: false,
    webApi: false,
    streams: config.supportsResponseStreaming ?? true,
    sourceMaps: false,
    mayBeGrouped: false,
    assets: [],
  };
}

function edgeFunction(value: unknown, path: string, faults: Faults): FunctionFile | null {
  const config = checked(edgeSchema, value, path, faults);
  if (config === null) return null;
  return {
    launch: 'edge',
    starter: null,
    eventExport: null,
    handler: config.entrypoint,
    filePathMap: config.filePathMap ?? {},
    settings: {},
    environment: config.environment ?? {},
    helpers: false,
    webApi: true,
    sourceMaps: true,
    streams: true,
    mayBeGrouped: false,
    assets: config.assets ?? [],
  };
}

function nodeFunction(value: unknown, path: string, faults: Faults): FunctionFile | null {
  const config = checked(nodeSchema, value, path, faults);
  if (config === null) return null;
  const { memory, maxDuration, maxConcurrency, runtime, awsLambdaHandler } = config;
  const eventExport = awsLambdaHandler ? awsLambdaHandler.slice(awsLambdaHandler.lastIndexOf('.') + 1) : null;
  return {
    launch: eventExport === null ? 'module' : 'event',
    starter: null,
    eventExport,
    handler: config.handler,
    filePathMap: config.filePathMap ?? {},
    settings: { memory, maxDuration, maxConcurrency, runtime },
    environment: config.environment ?? {},
    helpers: config.shouldAddHelpers ?? false,
    webApi: config.useWebApi ?? false,
    sourceMaps: config.shouldAddSourcemapSupport ?? false,
    streams: config.supportsResponseStreaming ?? config.experimentalResponseStreaming ?? true,
    mayBeGrouped: eventExport === null && (config.experimentalAllowBundling ?? false),
    assets: [],
  };
}
