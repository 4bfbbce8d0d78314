import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorPage, preferredKind } from './page.ts';

test('what Accept asks for', () => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';
  assert.equal(preferredKind(browser), 'html');
  assert.equal(preferredKind('application/json'), 'json');
  assert.equal(preferredKind('APPLICATION/JSON; charset=utf-8'), 'json');
  assert.equal(preferredKind('text/html;q=0.5, application/json;q=0.9'), 'json');
  assert.equal(preferredKind('application/json;q=0, text/html'), 'html');
  assert.equal(preferredKind('application/json, text/plain, */*'), 'json');
  for (const accept of [undefined, '', '*/*', 'image/png', 'text/plain', ';;q=,,'])
    assert.equal(preferredKind(accept), 'text');
});

test('pages name code, message, detail and id, and carry no markup of others', () => {
  const failure = { code: 'NOT_FOUND', detail: '<script>alert("&")</script>' } as const;
  assert.deepEqual(JSON.parse(errorPage(failure, 'dev1::inv_1', 'application/json').text), {
    error: {
      code: 'NOT_FOUND',
      message: 'No file and no function answers for this path.',
      detail: '<script>alert("&")</script>',
      id: 'dev1::inv_1',
    },
  });
  const html = errorPage(failure, 'dev1::inv_1', 'text/html');
  assert.equal(html.type, 'text/html; charset=utf-8');
  assert.ok(!html.text.includes('<script>'));
  assert.match(html.text, /&lt;script&gt;alert\(&quot;&amp;&quot;\)/);
  for (const part of ['404', 'NOT_FOUND', 'dev1::inv_1']) assert.ok(html.text.includes(part), part);
  assert.match(
    errorPage(failure, 'dev1::inv_1', undefined).text,
    /^404: No file(?:.|\n)*Code: NOT_FOUND\nID: dev1::inv_1\n$/,
  );
});
