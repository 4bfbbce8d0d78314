import type { Exit } from '../provider/provider.ts';
import { peerClosed } from '../tunnel/connection.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import type { SessionEnd } from '../tunnel/session.ts';
import type { SlotTable } from '../tunnel/slots.ts';
import type { RoutedInvocation } from './invocation.ts';

/** How a process ended, in words for the log and for the error page. */
export function describeExit(exit: Exit): string {
  if (exit.kind === 'exited') return `its process exited with code ${exit.code}`;
  if (exit.kind === 'failed') return `its process could not be started: ${exit.reason}`;
  if (exit.outOfMemory) return `its process ran out of memory and was killed (${exit.signal})`;
  return `its process was ended by ${exit.signal}`;
}

/** Why a tunnel ended, in words. */
export function describeEnd(end: SessionEnd): string {
  if (end.kind === 'goodbye') return `it said goodbye (${end.code}${end.detail === '' ? '' : `: ${end.detail}`})`;
  if (end.kind === 'violation') return `it broke the protocol: ${end.code}: ${end.detail}`;
  if (end.kind === 'timeout') return `it did not answer: ${end.detail}`;
  return end.kind === 'lost' ? `its tunnel was lost: ${end.detail}` : end.detail;
}

/** What is known from both: a tunnel that was lost says nothing that the end of the process does not say better. */
export function describeBoth(cause: string, exit: Exit | null): string {
  if (exit === null) return cause;
  const how = describeExit(exit);
  return cause === how || cause.startsWith('its tunnel was lost') ? how : `${cause}; ${how}`;
}

/** For the function's log. */
export const endLine = (cause: string): LogFrame => ({
  level: 'error',
  source: 'platform',
  text: `the instance ended: ${cause}`,
});

/**
 * Whether every byte that the instance ever wrote has been read, so that a BEGUN that is missing was never written
 * (protocol/tunnel.md, "what a lost tunnel proves"). When the connection broke, or was cut from this side, bytes may
 * have been lost: then nothing is proven.
 */
export function everythingWasRead(end: SessionEnd): boolean {
  return end.kind === 'goodbye' || (end.kind === 'lost' && end.detail === peerClosed);
}

/** Fails what is left of an instance's invocations when it has ended: they had begun, or may have. Returns their ids. */
export function failLost(streams: SlotTable<RoutedInvocation>, cause: string): string[] {
  const lost: string[] = [];
  streams.each((invocation) => {
    lost.push(invocation.head.id);
    invocation.fail('NO_RESPONSE_FROM_FUNCTION', `the instance ended before the function answered: ${cause}`);
  });
  return lost;
}
