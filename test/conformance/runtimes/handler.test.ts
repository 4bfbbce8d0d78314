import { behaves } from './behaviours.ts';
import { handler } from './runtimes.ts';

behaves(handler);
