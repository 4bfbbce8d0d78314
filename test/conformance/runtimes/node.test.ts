import { behaves } from './behaviours.ts';
import { node } from './runtimes.ts';

behaves(node);
