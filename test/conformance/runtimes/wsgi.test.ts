import { behaves } from './behaviours.ts';
import { wsgi } from './runtimes.ts';

behaves(wsgi);
