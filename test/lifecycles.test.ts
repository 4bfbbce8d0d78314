// Every lifecycle is a table: all of its states can be reached, and all of them can end.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transitions as exchange } from '../runtimes/node/exchange.ts';
import { transitions as requestBody } from '../runtimes/node/request-body.ts';
import { transitions as upgrade } from '../runtimes/node/upgrade.ts';
import { transitions as stopping } from '../src/cli/stopping.ts';
import { transitions as framesCall } from '../src/core/child/frames-call.ts';
import { transitions as languageProcess } from '../src/core/child/language-process.ts';
import { transitions as programCall } from '../src/core/child/program-call.ts';
import { transitions as core } from '../src/core/core-phase.ts';
import { transitions as coreStream } from '../src/core/stream.ts';
import { transitions as deploymentState } from '../src/control/deployments/deployment-state.ts';
import { middlewareTransitions as middleware } from '../src/edge/passage/middleware.ts';
import { transitions as regeneration } from '../src/edge/prerender/regeneration.ts';
import { transitions as respond } from '../src/edge/respond.ts';
import { upgradeTransitions as edgeUpgrade } from '../src/edge/upgrade.ts';
import { walkTransitions as walk } from '../src/edge/routing/walk.ts';
import { transitions as child } from '../src/provider/child.ts';
import { transitions as host } from '../src/provider/host.ts';
import { transitions as instanceState } from '../src/router/instance-state.ts';
import { transitions as invocation } from '../src/router/invocation.ts';
import { transitions as session } from '../src/tunnel/session.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
type Table = Readonly<Record<string, readonly string[]>>;

const tables: Readonly<Record<string, Table>> = {
  'runtimes/node/exchange.ts': exchange,
  'runtimes/node/request-body.ts': requestBody,
  'runtimes/node/upgrade.ts': upgrade,
  'src/cli/stopping.ts': stopping,
  'src/control/deployments/deployment-state.ts': deploymentState,
  'src/core/child/frames-call.ts': framesCall,
  'src/core/child/language-process.ts': languageProcess,
  'src/core/child/program-call.ts': programCall,
  'src/core/core-phase.ts': core,
  'src/core/stream.ts': coreStream,
  'src/edge/passage/middleware.ts': middleware,
  'src/edge/prerender/regeneration.ts': regeneration,
  'src/edge/respond.ts': respond,
  'src/edge/routing/walk.ts': walk,
  'src/edge/upgrade.ts': edgeUpgrade,
  'src/provider/child.ts': child,
  'src/provider/host.ts': host,
  'src/router/instance-state.ts': instanceState,
  'src/router/invocation.ts': invocation,
  'src/tunnel/session.ts': session,
};

/** Every state that can be come to from `states`, themselves included. */
function reach(states: readonly string[], next: (state: string) => readonly string[]): Set<string> {
  const found = new Set(states);
  for (const state of found) for (const to of next(state)) found.add(to);
  return found;
}

test('no lifecycle is left out', () => {
  const found = ['src', 'runtimes', 'web']
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }))
    .filter((path) => /^export const \w*[tT]ransitions\b/m.test(readFileSync(join(root, path), 'utf8')));
  assert.deepEqual(found.toSorted(), Object.keys(tables));
});

for (const [name, table] of Object.entries(tables)) {
  test(name, () => {
    const states = Object.keys(table);
    for (const [from, tos] of Object.entries(table)) {
      for (const to of tos) assert.ok(to in table, `${from} leads to ${to}, which has no row`);
    }
    const reached = reach([states[0]!], (state) => table[state]!);
    assert.deepEqual([...reached].toSorted(), states.toSorted(), 'every state is reached from the first');
    const ends = states.filter((state) => table[state]!.length === 0);
    assert.ok(ends.length > 0, 'there is an end');
    const ending = reach(ends, (state) => states.filter((from) => table[from]!.includes(state)));
    assert.deepEqual([...ending].toSorted(), states.toSorted(), 'every state can end');
  });
}
