import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EffectLog, type HeaderEdit, applyEdits, editedHeader } from './effects.ts';

const headers = ['Host', 'a.example', 'X-One', '1', 'x-two', '2', 'X-One', '3', 'Content-Length', '5'];

const edited = (...edits: readonly HeaderEdit[]): readonly string[] => applyEdits(headers, edits);

test('nothing to do is nothing done', () => {
  assert.equal(edited(), headers);
});

test('set takes the place of all of a name, append adds, delete removes', () => {
  assert.deepEqual(edited({ op: 'set', target: 'x-one', values: ['a', 'b'] }).slice(-4), ['x-one', 'a', 'x-one', 'b']);
  assert.equal(edited({ op: 'set', target: 'x-one', values: ['a'] }).length, 8);
  assert.equal(edited({ op: 'append', target: 'x-one', values: ['a'] }).length, 12);
  assert.ok(!edited({ op: 'delete', target: 'x-one' }).includes('X-One'));
  assert.deepEqual(edited({ op: 'set', target: 'x-new', values: ['n'] }).slice(-2), ['x-new', 'n']);
});

test('a condition reaches those that there are', () => {
  const starts = (name: string): boolean => name.startsWith('x-');
  assert.deepEqual(edited({ op: 'delete', target: starts }), ['Host', 'a.example', 'Content-Length', '5']);
  assert.deepEqual(edited({ op: 'set', target: starts, values: ['s'] }).slice(4), ['x-one', 's', 'x-two', 's']);
  assert.equal(edited({ op: 'append', target: (name) => name === 'x-none', values: ['s'] }).length, headers.length);
});

test('whoever keeps some, loses the others, but not what frames the message', () => {
  const kept = edited({ op: 'keep', names: new Set(['x-two']) });
  assert.deepEqual(kept, ['x-two', '2', 'Content-Length', '5']);
  assert.deepEqual(edited({ op: 'set', target: 'content-length', values: ['0'] }), headers);
  assert.deepEqual(edited({ op: 'delete', target: () => true }), ['Content-Length', '5']);
});

test('a header read after edits is what it will be', () => {
  const names = ['host', 'x-one', 'x-two', 'x-new', 'content-length'];
  const variants: readonly HeaderEdit[][] = [
    [{ op: 'set', target: 'x-one', values: ['a', 'b'] }],
    [{ op: 'append', target: 'x-one', values: ['a'] }],
    [{ op: 'append', target: 'x-new', values: ['a'] }],
    [{ op: 'delete', target: (name) => name.startsWith('x-') }],
    [{ op: 'keep', names: new Set(['host']) }],
    [
      { op: 'delete', target: 'x-one' },
      { op: 'set', target: (name) => name.startsWith('x-'), values: ['s'] },
    ],
    [{ op: 'set', target: 'content-length', values: ['9'] }],
  ];
  const joined = (list: readonly string[], name: string): string | undefined => {
    const values = list.filter((_, at) => at % 2 === 1 && list[at - 1]!.toLowerCase() === name);
    return values.length === 0 ? undefined : values.join(', ');
  };
  for (const edits of variants) {
    for (const name of names) {
      const before = joined(headers, name);
      assert.equal(
        editedHeader(name, before, edits),
        joined(applyEdits(headers, edits), name),
        `${name} ${JSON.stringify(edits)}`,
      );
    }
  }
});

test('the last word counts; cookies are all set', () => {
  const log = new EffectLog();
  log.set('x', '1', false);
  log.set('set-cookie', 'a=1', false);
  log.set('set-cookie', 'b=2', false);
  log.set('x', '2', true);
  const { responseHeaders, importantHeaders } = log.effects();
  assert.deepEqual(responseHeaders, ['set-cookie', 'a=1', 'set-cookie', 'b=2']);
  assert.deepEqual(importantHeaders, ['x', '2']);
});

test('a run that must not override leaves what was set before it, and may set anew what it set itself', () => {
  const log = new EffectLog();
  log.set('x', 'before', false);
  log.beginRun();
  log.setIfNew('x', 'run', false);
  log.setIfNew('y', 'one', false);
  log.setIfNew('y', 'two', false);
  assert.deepEqual(log.effects().responseHeaders, ['x', 'before', 'y', 'two']);
});

test('what was tried is taken back', () => {
  const log = new EffectLog();
  log.set('x', 'before', false);
  const mark = log.mark();
  log.set('x', 'tried', false);
  log.editRequest({ op: 'delete', target: 'a' });
  log.editResponse({ op: 'delete', target: 'a' });
  log.back(mark);
  assert.deepEqual(log.effects(), {
    responseHeaders: ['x', 'before'],
    importantHeaders: [],
    responseEdits: [],
    requestEdits: [],
  });
});
