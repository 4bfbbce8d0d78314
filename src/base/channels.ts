import { type Channel, channel } from 'node:diagnostics_channel';

/**
 * Where the platform tells what it does. Whoever wants to know subscribes; while nobody does, nothing is made for them.
 * What is published is said in src/model/telemetry.ts. Subscribers are called at once and must not throw.
 */
export const channels = {
  /** InvocationRecord: one invocation has settled. */
  invocation: channel('weir:invocation'),
  /** FunctionLogLine: a line that a function, or the platform on its behalf, logged. */
  log: channel('weir:log'),
  /** CrashReport: an instance ended without being asked to. */
  crash: channel('weir:crash'),
} as const;

/** Where something else than the world is told, or nobody: as `channels`. */
export type Channels = Readonly<Record<keyof typeof channels, Pick<Channel, 'hasSubscribers' | 'publish'>>>;
