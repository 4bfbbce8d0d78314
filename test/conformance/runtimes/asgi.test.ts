import { behaves } from './behaviours.ts';
import { asgi } from './runtimes.ts';

behaves(asgi);
