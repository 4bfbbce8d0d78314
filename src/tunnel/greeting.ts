import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Role } from './frame.ts';

/** The frames with JSON in them: HELLO, WELCOME, LOAD, LOADED. Fields that this version does not know are ignored. */
export interface Hello {
  readonly lowestVersion: number;
  readonly highestVersion: number;
  readonly token: string;
  readonly role: Role;
  readonly pid: number;
  readonly runtime: string;
}

export interface Welcome {
  readonly version: number;
  readonly instance: string;
  readonly maxStreams: number;
  readonly windowBytes: number;
  /** On a data connection: what lets the instance's control connection in. */
  readonly controlToken?: string;
  /** The router takes METRIC and ASK, and answers what it is asked. */
  readonly services?: true;
}

export const launches = ['module', 'server', 'web', 'edge', 'event', 'python', 'command'] as const;

/** The function an instance is to run. */
export interface Load {
  readonly function: string;
  readonly root: string;
  readonly entry: string;
  readonly launch: (typeof launches)[number];
  /** Whether (req, res) functions find helpers; absent: they do. */
  readonly helpers?: boolean;
  /** Whether stack traces name the sources, where there are maps; absent: they do. */
  readonly sourceMaps?: boolean;
  /** Files by the name that edge code fetches them by. */
  readonly assets?: Readonly<Record<string, string>>;
  /** The export that takes events. */
  readonly eventExport?: string;
  /** Of launch 'command': a program and its arguments. */
  readonly command?: readonly string[];
  /** Directories with Python modules. */
  readonly modulePaths?: readonly string[];
  /** A directory with V8's bytecode of the modules. */
  readonly bytecode?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMiB: number;
  readonly maxDurationMs: number;
  readonly maxConcurrency: number | null;
  readonly deployment: string;
  readonly project: string;
}

export type Loaded =
  | { readonly ok: true; readonly initMs: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

const magic = Buffer.from('WEIR');

/** Throws ProtocolError BAD_FRAME, as all of these do. */
export function readHello(payload: Buffer): Hello {
  if (payload.length < 6 || !payload.subarray(0, 4).equals(magic)) throw bad('HELLO does not begin with WEIR');
  const [lowestVersion, highestVersion] = [payload[4] ?? 0, payload[5] ?? 0];
  if (lowestVersion === 0 || lowestVersion > highestVersion) {
    throw bad(`HELLO with versions ${lowestVersion} to ${highestVersion}`);
  }
  const fields = new Fields('HELLO', payload.subarray(6));
  return {
    lowestVersion,
    highestVersion,
    token: fields.text('token'),
    role: fields.oneOf('role', ['data', 'control']),
    pid: fields.count('pid'),
    runtime: fields.text('runtime'),
  };
}

export function helloPayload(hello: Hello): Buffer {
  const { lowestVersion, highestVersion, token, role, pid, runtime } = hello;
  const json = Buffer.from(JSON.stringify({ token, role, pid, runtime }));
  return Buffer.concat([magic, Buffer.from([lowestVersion, highestVersion]), json]);
}

export function readWelcome(payload: Buffer): Welcome {
  const version = payload[0] ?? 0;
  const fields = new Fields('WELCOME', payload.subarray(1));
  const controlToken = fields.has('controlToken') ? { controlToken: fields.text('controlToken') } : {};
  const services = fields.has('services') && fields.flag('services') ? { services: true as const } : {};
  const maxStreams = fields.count('maxStreams');
  const windowBytes = fields.count('windowBytes');
  if (maxStreams < 1 || maxStreams > 65_536) throw bad(`WELCOME with maxStreams ${maxStreams}`);
  if (windowBytes < 1 || windowBytes > 0x7fff_ffff) throw bad(`WELCOME with windowBytes ${windowBytes}`);
  return { version, instance: fields.text('instance'), maxStreams, windowBytes, ...controlToken, ...services };
}

export function welcomePayload({ version, ...rest }: Welcome): Buffer {
  return Buffer.concat([Buffer.from([version]), Buffer.from(JSON.stringify(rest))]);
}

export function readLoad(payload: Buffer): Load {
  const fields = new Fields('LOAD', payload);
  return {
    function: fields.text('function'),
    root: fields.text('root'),
    entry: fields.text('entry'),
    launch: fields.oneOf('launch', launches),
    ...(fields.has('helpers') ? { helpers: fields.flag('helpers') } : {}),
    ...(fields.has('sourceMaps') ? { sourceMaps: fields.flag('sourceMaps') } : {}),
    ...(fields.has('assets') ? { assets: fields.texts('assets') } : {}),
    ...(fields.has('eventExport') ? { eventExport: fields.text('eventExport') } : {}),
    ...(fields.has('command') ? { command: fields.list('command') } : {}),
    ...(fields.has('modulePaths') ? { modulePaths: fields.list('modulePaths') } : {}),
    ...(fields.has('bytecode') ? { bytecode: fields.text('bytecode') } : {}),
    environment: fields.texts('environment'),
    memoryMiB: fields.count('memoryMiB'),
    maxDurationMs: fields.count('maxDurationMs'),
    maxConcurrency: fields.isNull('maxConcurrency') ? null : fields.count('maxConcurrency'),
    deployment: fields.text('deployment'),
    project: fields.text('project'),
  };
}

export function readLoaded(payload: Buffer): Loaded {
  const fields = new Fields('LOADED', payload);
  if (fields.flag('ok')) return { ok: true, initMs: fields.amount('initMs') };
  return { ok: false, code: fields.text('code'), message: fields.text('message') };
}

/** One JSON object, whose fields are asked for by name and kind. */
class Fields {
  readonly #frame: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(frame: string, json: Buffer) {
    this.#frame = frame;
    if (json.length > limits.sessionJsonBytes) throw bad(`${frame} of ${json.length} bytes`);
    let value: unknown;
    try {
      value = JSON.parse(json.toString('utf8'));
    } catch {
      throw bad(`${frame} without valid JSON`);
    }
    if (!isObject(value)) throw bad(`${frame} without a JSON object`);
    this.#fields = value;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name);
  }

  isNull(name: string): boolean {
    return this.#get(name) === null;
  }

  text(name: string): string {
    const value = this.#get(name);
    return typeof value === 'string' ? value : this.#fail(name, 'text');
  }

  flag(name: string): boolean {
    const value = this.#get(name);
    return typeof value === 'boolean' ? value : this.#fail(name, 'true or false');
  }

  /** An integer from 0. */
  count(name: string): number {
    const value = this.#get(name);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : this.#fail(name, 'a count');
  }

  /** A number from 0. */
  amount(name: string): number {
    const value = this.#get(name);
    return typeof value === 'number' && value >= 0 ? value : this.#fail(name, 'a number from 0');
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.text(name);
    return allowed.find((one) => one === value) ?? this.#fail(name, `one of ${allowed.join(', ')}`);
  }

  texts(name: string): Readonly<Record<string, string>> {
    const value = this.#get(name);
    if (!isObject(value)) return this.#fail(name, 'an object of texts');
    const texts: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [key, text] of Object.entries(value)) {
      texts[key] = typeof text === 'string' ? text : this.#fail(name, 'an object of texts');
    }
    return texts;
  }

  list(name: string): readonly string[] {
    const value = this.#get(name);
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string');
    return isList ? value : this.#fail(name, 'a list of texts');
  }

  #get(name: string): unknown {
    return this.has(name) ? this.#fields[name] : undefined;
  }

  #fail(name: string, expected: string): never {
    throw bad(`${this.#frame}: ${name} is not ${expected}`);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const bad = (detail: string): ProtocolError => new ProtocolError('BAD_FRAME', detail);
