import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { CallOrder } from '../src/api/client.ts';
import type { Answer } from '../src/api/routes.ts';
import { Failure, call } from './api.ts';
import { every } from './clock.ts';
import type { Endpoint } from './endpoints.ts';

export interface Asked<T> {
  /** The last answer: it stays while the next is waited for, so that nothing jumps. */
  readonly data: T | null;
  readonly failure: Failure | null;
  readonly again: () => void;
}

/** Asks, and asks again when the order changes, or every `everyMs`. An order of null is not asked. */
export function useAsked<N extends Endpoint>(name: N, order: CallOrder<N> | null, everyMs = 0): Asked<Answer<N>> {
  const key = order === null ? '' : `${name} ${JSON.stringify(order)}`;
  const [state, setState] = useState<{ key: string; data: Answer<N> | null; failure: Failure | null }>({
    key: '',
    data: null,
    failure: null,
  });
  const [round, setRound] = useState(0);
  const newest = useRef(order);
  newest.current = order;
  useEffect(() => {
    if (newest.current === null) return undefined;
    const controller = new AbortController();
    call(name, { ...newest.current, signal: controller.signal }).then(
      (data) => setState({ key, data, failure: null }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        setState((before) => ({ key, data: before.key === key ? before.data : null, failure: asFailure(error) }));
      },
    );
    return () => controller.abort();
  }, [key, round]);
  const again = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => (everyMs > 0 ? every(everyMs, () => document.hidden || again()) : undefined), [everyMs, again]);
  return { data: state.data, failure: state.failure, again };
}

export const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : new Failure('MISTAKE', error instanceof Error ? error.message : String(error));

/** Something that is done on a click: one at a time, and what was refused is said. */
export function useDoing(): {
  busy: boolean;
  failure: Failure | null;
  run: (work: () => Promise<void>) => void;
  clear: () => void;
} {
  const [state, setState] = useState<{ busy: boolean; failure: Failure | null }>({ busy: false, failure: null });
  const run = useCallback((work: () => Promise<void>) => {
    setState({ busy: true, failure: null });
    work().then(
      () => setState({ busy: false, failure: null }),
      (error: unknown) => setState({ busy: false, failure: asFailure(error) }),
    );
  }, []);
  return { ...state, run, clear: useCallback(() => setState({ busy: false, failure: null }), []) };
}
