import { nextTick } from './loop.ts';

type ProcessEvent = 'uncaughtException' | 'SIGTERM' | 'SIGINT';
/** As EventEmitter has it: what an event carries depends on its name. */
type Listener = Parameters<NodeJS.EventEmitter['on']>[1];

/**
 * Listens first, and goes on listening when user code removes every listener. User code's own listeners are called as
 * they would be without this one.
 */
export function keepListening(event: ProcessEvent, listener: Listener): void {
  const emitter: NodeJS.EventEmitter = process;
  const install = (): void => {
    if (!emitter.listeners(event).includes(listener)) emitter.prependListener(event, listener);
    if (!emitter.listeners('removeListener').includes(removed)) emitter.on('removeListener', removed);
  };
  // Not at once: process.removeAllListeners() still throws away what is added while it runs.
  const removed = (_event: string | symbol, other: unknown): void => {
    if (other === listener) nextTick(install);
  };
  install();
}

/**
 * Calls user code's listeners for SIGTERM, as if the signal had come. False: there are none. What one of them throws is
 * uncaught, as it would be then, but not here: whoever announces has an end to bring about.
 */
export function announceTermination(ours: Listener): boolean {
  const emitter: NodeJS.EventEmitter = process;
  if (emitter.listeners('SIGTERM').every((listener) => listener === ours)) return false;
  try {
    emitter.emit('SIGTERM', 'SIGTERM', 15);
  } catch (error) {
    nextTick(() => {
      throw error;
    });
  }
  return true;
}
