/**
 * The life of an instance. starting: its process was asked for. stem: connected, no user code. loading: it was told its
 * function. ready: it takes invocations. draining: nothing new. ending: its tunnel or its process is gone, or it is being
 * killed; the other of the two is waited for, because what the tunnel said and how the process ended decide together what
 * became of its invocations. Each phase owns its deadline.
 */
export type InstanceState =
  | { readonly kind: 'starting'; readonly deadlineMs: number }
  | { readonly kind: 'stem' }
  | { readonly kind: 'loading'; readonly deadlineMs: number }
  | { readonly kind: 'ready' }
  | { readonly kind: 'draining'; readonly deadlineMs: number; readonly reason: string }
  | { readonly kind: 'ending'; readonly cause: string; readonly killAtMs: number; readonly deadlineMs: number }
  | { readonly kind: 'ended'; readonly cause: string };

export const transitions: Readonly<Record<InstanceState['kind'], readonly InstanceState['kind'][]>> = {
  starting: ['stem', 'ending'],
  stem: ['loading', 'draining', 'ending'],
  loading: ['ready', 'draining', 'ending'],
  ready: ['draining', 'ending'],
  draining: ['ending'],
  ending: ['ended'],
  ended: [],
};
