/**
 * Bytecode of every function of a module, not only of those that the parser takes for called at once. Node takes a module's
 * bytecode the moment it has compiled it, before it runs, and never again: what V8 compiles when it is first called, most of a
 * framework, would be compiled anew in each instance.
 *
 * V8 compiles all at once when it is told not to be lazy. But what is made under other flags it does not take: it compares a
 * hash of them. That one flag decides when is compiled, not what comes of it, so the hash is put right in the files. What a
 * file looks like is checked against what this process makes; where anything is otherwise, V8 stays lazy.
 */
import * as fs from 'node:fs';
import { flushCompileCache, getCompileCacheDir, Module } from 'node:module';
import { join } from 'node:path';

/** Node's, of a file of its cache: 32-bit numbers, the magic one first. */
const header = { cacheBytes: 8, cacheHash: 16, bytes: 20 } as const;
/** V8's, of what follows: magic number, version, a hash of the source, flags. */
const flagsAt = 12;

/** Until `finish`, which writes what was compiled, all is compiled whole. Null: not in this version of Node, and nothing has changed. */
export function compileWhole(): { finish(): void } | null {
  const dir = getCompileCacheDir();
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  // What this process has loaded by now is there to look at.
  flushCompileCache();
  const own = bytecodeHeader();
  const before = dir === undefined ? [] : filesIn(dir);
  if (before.length === 0 || !before.some((file) => isAsExpected(fs.readFileSync(file), own))) return null;
  setFlagsFromString('--no-lazy');
  const eager = bytecodeHeader();
  return {
    finish() {
      flushCompileCache();
      setFlagsFromString('--lazy');
      for (const file of filesIn(dir!)) {
        const content = fs.readFileSync(file);
        if (isAsExpected(content, eager)) fs.writeFileSync(file, withFlagsOf(content, own));
      }
    },
  };
}

/** As V8 begins what it makes now; the source's hash in it is of no use. */
function bytecodeHeader(): Buffer {
  const { Script } = process.getBuiltinModule('node:vm');
  // Another source each time: V8 remembers what it compiled under other flags.
  const source = `0;${' '.repeat((sources += 1))}`;
  return new Script(source).createCachedData().subarray(0, flagsAt + 4);
}

let sources = 0;

const filesIn = (dir: string): string[] => fs.readdirSync(dir).map((name) => join(dir, name));

function isAsExpected(content: Buffer, made: Buffer): boolean {
  const { crc32 } = process.getBuiltinModule('node:zlib');
  if (content.length < header.bytes + made.length) return false;
  const cache = content.subarray(header.bytes);
  return (
    content.readUInt32LE(header.cacheBytes) === cache.length &&
    content.readUInt32LE(header.cacheHash) === crc32(cache) &&
    // Magic number and version.
    cache.subarray(0, 8).equals(made.subarray(0, 8)) &&
    cache.subarray(flagsAt, flagsAt + 4).equals(made.subarray(flagsAt))
  );
}

function withFlagsOf(content: Buffer, made: Buffer): Buffer {
  const { crc32 } = process.getBuiltinModule('node:zlib');
  made.copy(content, header.bytes + flagsAt, flagsAt);
  content.writeUInt32LE(crc32(content.subarray(header.bytes)), header.cacheHash);
  return content;
}

/**
 * Has a CommonJS module's bytecode made; its length, characters. It is not run: what it would be run with cannot be had. ES
 * modules are left out.
 */
export function compileOnly(file: string): number {
  const module = Object.defineProperty(Object.create(Module.prototype) as object, 'exports', { get: refuse });
  let source = '';
  try {
    source = fs.readFileSync(file, 'utf8');
    (Module.prototype as unknown as Compiling)._compile.call(module, source, file, 'commonjs');
  } catch {
    // Refused, or no CommonJS: whoever requires it will be told.
  }
  return source.length;
}

interface Compiling {
  _compile(this: object, source: string, file: string, format: string): void;
}

const refuse = (): never => {
  throw new Error('compiled only');
};
