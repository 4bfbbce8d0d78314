import type { Session } from '../tunnel/session.ts';
import type { Streams } from './streams.ts';

export interface Connected {
  readonly session: Session;
  readonly streams: Streams;
}

export type CorePhase =
  | { readonly kind: 'connecting' }
  /** Connected, without user code. */
  | { readonly kind: 'stem'; readonly at: Connected }
  | { readonly kind: 'loading'; readonly at: Connected }
  | { readonly kind: 'open'; readonly at: Connected }
  /**
   * Takes nothing new; ends with this code when what it has is done. `agreed`: the router sends nothing new, because it
   * said so, or did not in time. Until then invocations may be on their way, which are to be nacked. `untilMs`: on the system's
   * clock, when the router's patience ends.
   */
  | {
      readonly kind: 'draining';
      readonly at: Connected;
      readonly exitCode: number;
      readonly agreed: boolean;
      readonly untilMs: number;
    }
  /** User code was told, and has a little time: it may still have something to log. */
  | { readonly kind: 'leaving'; readonly at: Connected; readonly exitCode: number }
  | { readonly kind: 'ended' };

export const transitions: Readonly<Record<CorePhase['kind'], readonly CorePhase['kind'][]>> = {
  connecting: ['stem', 'ended'],
  stem: ['loading', 'draining', 'ended'],
  loading: ['open', 'draining', 'ended'],
  open: ['draining', 'ended'],
  draining: ['draining', 'leaving', 'ended'],
  leaving: ['ended'],
  ended: [],
};
