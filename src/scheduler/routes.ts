// Hot path: one lookup per invocation. What is known is found without an allocation.
import { limits } from '../base/limits.ts';
import type { LearnedRoute } from '../model/learned.ts';
import { Kind } from './kind.ts';
import { PathScan } from './path-scan.ts';
import { RouteProfile } from './route-profile.ts';

export { laneComputes, laneWaits, RouteProfile } from './route-profile.ts';

/**
 * The kinds of requests of one function. A route that names its path is one. A route that takes any path (a server's) is
 * told apart by method and the path's first two segments: `/users/42/posts/7` is `/users/[]/…`. A new kind is taken for what
 * its siblings are. What clients send bounds nothing: there are limits.learnedRoutes, and of more those that came least
 * become one.
 *
 * Names come from clients, and may be secrets. A segment is told only if it is a word of lower-case letters, `-` and `_`, of
 * up to 16: never what has a digit, a capital, a dot, an @ or a % (tokens, addresses, file names), all of which are `[]`.
 * And what is shown or kept on disk came limits.learnedTold times at least. Not guaranteed: a word that looks like any
 * other (a user's name, `/login/hunter-secret`) and was sent so often is told.
 */
export class Routes {
  readonly #named = new Map<string, RouteProfile>();
  readonly #methods: readonly Kind[] = [...methods, '[]'].map(
    (name) => new Kind(name, 0, `${name} `, limits.learnedFirst),
  );
  readonly #scan = new PathScan();

  constructor(learned: readonly LearnedRoute[] = []) {
    for (const each of learned.slice(0, limits.learnedRoutes)) {
      const space = each.pattern.indexOf(' ');
      const isNamed = each.pattern.startsWith('/');
      const profile = isNamed
        ? (this.#named.get(each.pattern) ?? this.#name(each.pattern))
        : this.#look(each.pattern.slice(0, space), each.pattern.slice(space + 1), true);
      profile.restore(each);
    }
  }

  /** `pattern`: the route's; `target`: path and query as they came. */
  of(pattern: string, method: string, target: string): RouteProfile {
    if (pattern.includes('[...')) return this.#look(method, target, false);
    return this.#named.get(pattern) ?? this.#name(pattern);
  }

  /** What may be shown, in order of names. */
  get all(): readonly RouteProfile[] {
    const shown = this.#profiles().filter(({ isShown }) => isShown);
    return shown.toSorted((left, right) => (left.pattern < right.pattern ? -1 : 1));
  }

  /** Whether all that has come is of one lane; what has not been answered yet may be of the other. */
  areAll(lane: number): boolean {
    return this.#profiles().every((each) => each.lane === lane);
  }

  learned(): LearnedRoute[] {
    return this.all.map((each) => each.learned);
  }

  /** `isKept`: it came often before. */
  #look(method: string, target: string, isKept: boolean): RouteProfile {
    const scan = this.#scan;
    const top = this.#methods[methodAt(method)]!;
    scan.begin(target);
    const first = top.child(target, scan, isKept);
    const at = scan.next(target) ? first.child(target, scan, isKept) : first;
    const isDeep = at !== first && !scan.isLast(target);
    const known = isDeep ? at.deep : at.self;
    if (known !== null) return known;
    if (this.#profiles().length >= limits.learnedRoutes) {
      this.#makeRoom();
      return this.#look(method, target, isKept);
    }
    // It is taken for what comes of the same first segment, or of those that are `[]`.
    return at.add(isDeep, isKept ? null : (first.usage ?? top.restUsage));
  }

  #name(pattern: string): RouteProfile {
    if (this.#profiles().length >= limits.learnedRoutes) this.#makeRoom();
    const made = new RouteProfile(pattern);
    this.#named.set(pattern, made);
    return made;
  }

  #profiles(): RouteProfile[] {
    return [...this.#named.values(), ...this.#methods.flatMap((method) => [...method.profiles()])];
  }

  /** What came least gives way, until a quarter is free: also junk that comes twice shuts nobody out. */
  #makeRoom(): void {
    const named = [...this.#named].map(([pattern, { invocations }]) => {
      return { invocations, leave: (): unknown => this.#named.delete(pattern) };
    });
    const foldable = this.#methods
      .flatMap((top) => [top, top.rest])
      .flatMap((above) => {
        return above.children.map((kind) => ({
          invocations: kind.invocations,
          leave: (): unknown => above.fold(kind),
        }));
      });
    const byCount = [...named, ...foldable].toSorted((left, right) => left.invocations - right.invocations);
    for (const { leave } of byCount) {
      if (this.#profiles().length <= limits.learnedRoutes * 0.75) return;
      leave();
    }
  }
}

/** Others are one: clients name methods as they like. */
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

function methodAt(method: string): number {
  const at = methods.indexOf(method);
  return at === -1 ? methods.length : at;
}
