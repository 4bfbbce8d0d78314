import { behaves } from './behaviours.ts';
import { executable } from './runtimes.ts';

behaves(executable);
