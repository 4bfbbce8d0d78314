import { useEffect, useState } from 'preact/hooks';

/** A value that components follow. */
export interface Store<T> {
  get(): T;
  set(value: T): void;
  /** The answer ends it. */
  follow(listener: () => void): () => void;
}

export function store<T>(first: T): Store<T> {
  let current = first;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of listeners) listener();
    },
    follow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useStore<T>(followed: Store<T>): T {
  const [, again] = useState(0);
  useEffect(() => followed.follow(() => again((count) => count + 1)), [followed]);
  return followed.get();
}
