// What every runtime does, through the whole platform: edge, router, tunnel, core, and real processes. The applications are in
// fixtures/; a runtime that cannot have a behaviour says why in runtimes.ts.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bodies } from './bodies.ts';
import { heads } from './heads.ts';
import { life } from './life.ts';
import { rig, type Rig } from './rig.ts';
import type { RuntimeUnderTest } from './runtimes.ts';
import { trouble } from './trouble.ts';

/** Either asks what others have asked before it, or has a platform to itself. */
export interface Behaviours {
  readonly shared: Readonly<Record<string, (to: Rig) => Promise<void>>>;
  readonly alone: Readonly<Record<string, (runtime: RuntimeUnderTest, context: TestContext) => Promise<void>>>;
}

const all = [heads, bodies, trouble, life];
const timeout = 110_000;

export function behaves(runtime: RuntimeUnderTest): void {
  const { name, cannot } = runtime;
  const known = new Set(all.flatMap(({ shared, alone }) => [...Object.keys(shared), ...Object.keys(alone)]));
  for (const [title, why] of Object.entries(cannot)) {
    test(`${name} cannot: ${title}. ${why}`, () => assert.ok(known.has(title), 'the table has such a behaviour'));
  }
  test(name, { timeout }, async (context) => {
    const to = await rig(context, runtime);
    for (const { shared } of all) {
      for (const [title, holds] of Object.entries(shared)) {
        if (!(title in cannot)) await context.test(title, () => holds(to));
      }
    }
  });
  for (const { alone } of all) {
    for (const [title, holds] of Object.entries(alone)) {
      if (!(title in cannot)) test(`${name}: ${title}`, { timeout }, (context) => holds(runtime, context));
    }
  }
}
