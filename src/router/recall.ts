import type { SlotTable } from '../tunnel/slots.ts';
import type { RoutedInvocation } from './invocation.ts';

/** Whether something was sent to an instance of which it has not said that it began. */
export function hasUnbegun(streams: SlotTable<RoutedInvocation>): boolean {
  let found = false;
  streams.each(({ phase }) => (found ||= phase === 'sent'));
  return found;
}

/** Each of those is asked back, once. */
export function recallUnbegun(streams: SlotTable<RoutedInvocation>, ask: (stream: number) => void): void {
  streams.each((invocation, stream) => {
    if (invocation.phase !== 'sent' || invocation.recalled) return;
    invocation.recalled = true;
    ask(stream);
  });
}
