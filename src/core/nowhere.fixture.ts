// For tests: a connection that leads nowhere.
import { noConnectionEvents } from '../tunnel/connection.ts';

export const nowhere = {
  events: noConnectionEvents,
  bufferedBytes: 0,
  write: () => true,
  writeAll: () => true,
  whenSent: () => undefined,
  keep: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  end: () => undefined,
  destroy: () => undefined,
};
