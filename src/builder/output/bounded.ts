import { limits } from '../../base/limits.ts';

/** Calls `act` for each, a bounded number at once. The first that fails fails all; none is begun after that. */
export async function forEachBounded<Item>(items: Iterable<Item>, act: (item: Item) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  let failed = false;
  const one = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && !failed; next = rest.next()) {
      try {
        await act(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: limits.builderFilesAtOnce }, one));
}
