import { mergeRoutes } from '@vercel/routing-utils';
import type { Routing, Rule } from '../../model/routing.ts';
import type { Cron } from '../../model/snapshot.ts';

type Routes = ReturnType<typeof mergeRoutes>;

/**
 * The table of an output together with what the project's own file asks for, in the order of the hosted platform. Some
 * builds have taken those rules over already: then they are not there twice.
 */
export function mergedRouting(built: Routing, own: Routing | null): Routing {
  if (own === null) return built;
  const there = new Set(built.rules.map((rule) => JSON.stringify(rule)));
  const isTakenOver = own.rules.every((rule) => 'handle' in rule || there.has(JSON.stringify(rule)));
  return {
    ...built,
    rules: isTakenOver ? built.rules : merged(built.rules, own.rules),
    images: built.images ?? own.images,
  };
}

const merged = (built: readonly Rule[], own: readonly Rule[]): readonly Rule[] =>
  mergeRoutes({
    userRoutes: own as Routes,
    builds: [{ use: 'output', entrypoint: '', routes: built as Routes }],
  });

/** Those of both, each once. Of one that both have, the project's file says more. */
export function mergedCrons(built: readonly Cron[], own: readonly Cron[]): readonly Cron[] {
  const merged = new Map([...built, ...own].map((cron) => [keyOf(cron), cron]));
  return [...merged.values()];
}

const keyOf = ({ path, schedule }: Cron): string => `${schedule} ${path}`;
