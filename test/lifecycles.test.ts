// Every lifecycle is a table: all of its states can be reached, and all of them can end.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
type Table = Readonly<Record<string, readonly string[]>>;

const files = ['src', 'runtimes']
  .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
  .filter((path) => !/\.(?:test|fixture)\.ts$/.test(path))
  .filter((path) => /^export const \w*[tT]ransitions\b/m.test(readFileSync(join(root, path), 'utf8')));

const tables: { readonly name: string; readonly table: Table }[] = [];
for (const path of files) {
  const module = (await import(join(root, path))) as Record<string, unknown>;
  for (const [name, value] of Object.entries(module)) {
    if (/[tT]ransitions$/.test(name)) tables.push({ name: `${path}: ${name}`, table: value as Table });
  }
}

/** Every state that can be come to from `states`, themselves included. */
function reach(states: readonly string[], next: (state: string) => readonly string[]): Set<string> {
  const found = new Set(states);
  for (const state of found) for (const to of next(state)) found.add(to);
  return found;
}

test('there are lifecycles', () => assert.ok(tables.length >= 8, `${tables.length} found`));

for (const { name, table } of tables) {
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
