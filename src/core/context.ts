import { AsyncLocalStorage } from 'node:async_hooks';
import type { StreamCall } from './stream.ts';

/** The invocation that the running code belongs to: for logs, errors, waitUntil and the attribution of CPU. */
export const currentCall = new AsyncLocalStorage<StreamCall>();
