import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventParser } from '../../web/event-parser.ts';

test('events are whole however the stream is cut', () => {
  const text = 'event: now\ndata: {"a":1}\n\n: still there\n\nid: 7\nevent: line\ndata: one\ndata: two\n\n';
  const whole = [
    { type: 'now', data: '{"a":1}', id: null },
    { type: 'line', data: 'one\ntwo', id: '7' },
  ];
  for (let at = 0; at <= text.length; at += 1) {
    const parser = new EventParser();
    assert.deepEqual([...parser.feed(text.slice(0, at)), ...parser.feed(text.slice(at))], whole, `cut at ${at}`);
  }
});

test('lines may end as on other systems, and an event that is cut off is none', () => {
  const parser = new EventParser();
  assert.deepEqual(parser.feed('data: x\r\n\r\n'), [{ type: 'message', data: 'x', id: null }]);
  assert.deepEqual(parser.feed('data: half'), []);
});
