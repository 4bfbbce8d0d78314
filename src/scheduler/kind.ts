// Hot path: one or two lookups of a child per invocation.
import { limits } from '../base/limits.ts';
import type { PathScan } from './path-scan.ts';
import { RouteProfile, type Usage } from './route-profile.ts';

/**
 * Kinds of requests as a tree: method, first segment, second segment. Each node tells its children apart by name, up to
 * `most`; all other children are one, `[]`. While there are few every new name is a child at once. Once there were more than
 * `most`, those that came least became `[]`, and a new name is a child only when it has come limits.learnedTold times.
 */
export class Kind {
  /** Of this node alone, its hash, and from the method on. */
  readonly name: string;
  readonly hash: number;
  readonly path: string;
  readonly children: Kind[] = [];
  /** Paths that end here; and those that go on where no further segment is told apart. */
  self: RouteProfile | null = null;
  deep: RouteProfile | null = null;
  #rest: Kind | null = null;
  readonly #most: number;
  #isCrowded = false;
  /** What comes beside the children: by slot a hash, and by how much more often it came than others of the slot. */
  #hashes: Int32Array | null = null;
  #counts: Uint8Array | null = null;

  constructor(name: string, hash: number, path: string, most: number) {
    this.name = name;
    this.hash = hash;
    this.path = path;
    this.#most = most;
  }

  /** All other children as one. */
  get rest(): Kind {
    this.#rest ??= this.#made('[]', 0);
    return this.#rest;
  }

  get invocations(): number {
    let sum = 0;
    for (const profile of this.profiles()) sum += profile.invocations;
    return sum;
  }

  /** What is known below this node. */
  *profiles(): Generator<RouteProfile> {
    if (this.self !== null) yield this.self;
    if (this.deep !== null) yield this.deep;
    for (const child of this.children) yield* child.profiles();
    if (this.#rest !== null) yield* this.#rest.profiles();
  }

  /** What an invocation of those below this node uses; null: none was answered. */
  get usage(): Usage | null {
    let [count, cpuMs, wallMs] = [0, 0, 0];
    for (const profile of this.profiles()) {
      count += profile.invocations;
      cpuMs += profile.cpuMs * profile.invocations;
      wallMs += profile.wallMs * profile.invocations;
    }
    return count === 0 ? null : { cpuMs: cpuMs / count, wallMs: wallMs / count };
  }

  /** What new children may be taken for, where those that are told apart came from the others. */
  get restUsage(): Usage | null {
    return this.#isCrowded ? (this.#rest?.usage ?? null) : null;
  }

  /** The child named by the segment of `target` that was scanned. `isKept`: it came often before. */
  child(target: string, { from, end, hash }: PathScan, isKept: boolean): Kind {
    if (hash === 0) return this.rest;
    for (const child of this.children) {
      if (child.hash === hash && child.name.length === end - from && target.startsWith(child.name, from)) return child;
    }
    if (this.#isCrowded && !isKept && !this.#isOften(hash)) return this.rest;
    if (this.children.length >= this.#most) this.#thin();
    // A part of a string keeps all of it in memory: here, of a path its query.
    const child = this.#made(` ${target.slice(from, end)}`.slice(1), hash);
    this.children.push(child);
    return child;
  }

  /** The profile of paths that end here, or go on. `prior`: what others like it use. */
  add(isDeep: boolean, prior: Usage | null): RouteProfile {
    const profile = new RouteProfile(isDeep ? `${this.path}/…` : this.path, prior);
    if (isDeep) this.deep = profile;
    else this.self = profile;
    return profile;
  }

  /** It is told apart no longer. */
  fold(child: Kind): void {
    this.#isCrowded = true;
    this.children.splice(this.children.indexOf(child), 1);
    this.rest.#absorb(child);
  }

  /** Half of the children go, and who came too seldom. */
  #thin(): void {
    this.#isCrowded = true;
    const byCount = this.children
      .map((child) => ({ child, count: child.invocations }))
      .toSorted((left, right) => right.count - left.count);
    for (const [at, { child, count }] of byCount.entries()) {
      if (at >= this.#most / 2 || count < limits.learnedTold) this.fold(child);
    }
  }

  #absorb(other: Kind): void {
    this.self = joined(this.self, other.self, this.path);
    this.deep = joined(this.deep, other.deep, `${this.path}/…`);
    for (const child of other.children) this.rest.#absorb(child);
    if (other.#rest !== null) this.rest.#absorb(other.#rest);
  }

  /**
   * Counts in slots, without names: who comes more often than all others of its slot gets there (Boyer and Moore's majority
   * vote, per slot). True: it has.
   */
  #isOften(hash: number): boolean {
    this.#hashes ??= new Int32Array(slots);
    this.#counts ??= new Uint8Array(slots);
    const slot = (hash ^ (hash >>> 16)) & (slots - 1);
    const count = this.#counts[slot]!;
    if (count > 0 && this.#hashes[slot] !== hash) {
      this.#counts[slot] = count - 1;
      return false;
    }
    this.#hashes[slot] = hash;
    const isOften = count + 1 >= limits.learnedTold;
    this.#counts[slot] = isOften ? 0 : count + 1;
    return isOften;
  }

  #made(name: string, hash: number): Kind {
    return new Kind(name, hash, `${this.path}/${name}`, limits.learnedSecond);
  }
}

function joined(into: RouteProfile | null, other: RouteProfile | null, pattern: string): RouteProfile | null {
  if (other === null) return into;
  const joint = into ?? new RouteProfile(pattern);
  joint.absorb(other);
  return joint;
}

const slots = 64;
