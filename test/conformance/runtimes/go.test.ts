import { test } from 'node:test';
import { behaves } from './behaviours.ts';
import { go, goCommand } from './runtimes.ts';

if (goCommand === null) test('go is not installed: nothing of it can be run', () => undefined);
else behaves(go);
