import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordedExchange, RecordedInvocation } from './exchange.fixture.ts';
import type { Failure } from '../../base/errors.ts';
import { MiddlewareExchange } from './middleware.ts';

interface Asked {
  /** What was told of it. */
  readonly answers: number[];
  readonly failures: Failure[];
  readonly client: RecordedExchange;
  readonly middleware: MiddlewareExchange;
}

/** `goesOn`: what is decided of its answer. */
function asked(goesOn: boolean): Asked {
  const answers: number[] = [];
  const failures: Failure[] = [];
  const client = new RecordedExchange();
  const middleware = new MiddlewareExchange({
    answered(status) {
      answers.push(status);
      return goesOn ? null : client;
    },
    failed: (failure) => failures.push(failure),
  });
  return { answers, failures, client, middleware };
}

test('the request goes on: once, whatever comes behind the head', () => {
  const { answers, failures, client, middleware } = asked(true);
  const invocation = new RecordedInvocation();
  middleware.started(invocation);
  middleware.head(200, ['X-Middleware-Next', '1', 'x-seen', 'yes']);
  assert.ok(invocation.cancelled, 'nobody reads its body');
  assert.equal(middleware.body(Buffer.from('x')), true);
  middleware.end();
  middleware.end();
  middleware.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: '' });
  assert.deepEqual([answers, failures], [[200], []]);
  assert.deepEqual([client.status, client.text, client.ended], [0, '', false]);
});

test('one that answered before anybody knew its invocation is cancelled then', () => {
  const { middleware } = asked(true);
  middleware.head(200, ['x-middleware-rewrite', '/other']);
  const invocation = new RecordedInvocation();
  middleware.started(invocation);
  assert.ok(invocation.cancelled);
});

test('a complete answer that says to go on', () => {
  const { answers, middleware } = asked(true);
  middleware.reply(200, ['x-middleware-next', '1'], null);
  middleware.reply(200, ['x-middleware-next', '1'], null);
  assert.deepEqual(answers, [200]);
});

test('its answer is the answer, streamed or whole', () => {
  const streamed = asked(false);
  streamed.middleware.head(401, ['x-why', 'none of yours']);
  streamed.client.room = false;
  assert.equal(streamed.middleware.body(Buffer.from('no ')), false, 'back-pressure');
  streamed.middleware.body(Buffer.from('entry'));
  streamed.middleware.end();
  const { status, text, ended } = streamed.client;
  assert.deepEqual([status, text, ended, streamed.failures], [401, 'no entry', true, []]);
  const whole = asked(false);
  whole.middleware.reply(307, ['location', '/login'], Buffer.from('there'));
  assert.deepEqual([whole.client.status, whole.client.header('location')], [307, '/login']);
});

test('a 500 that says nothing is a failure, one that says something is an answer', () => {
  for (const end of [
    (middleware: MiddlewareExchange) => void middleware.reply(500, ['x-middleware-next', '1'], null),
    (middleware: MiddlewareExchange) => void middleware.reply(500, [], Buffer.alloc(0)),
    (middleware: MiddlewareExchange) => {
      middleware.head(500, []);
      middleware.end();
    },
  ]) {
    const { answers, failures, middleware } = asked(false);
    end(middleware);
    assert.deepEqual([answers, failures.map(({ code }) => code)], [[], ['EDGE_FUNCTION_INVOCATION_FAILED']]);
    assert.equal(middleware.phase, 'over');
  }
  const { client, failures, middleware } = asked(false);
  middleware.head(500, ['x-why', 'broken']);
  middleware.body(Buffer.from('so'));
  middleware.body(Buffer.from('rry'));
  middleware.end();
  assert.deepEqual([client.status, client.header('x-why'), client.text, client.ended], [500, 'broken', 'sorry', true]);
  assert.deepEqual(failures, []);
});

test('what fails is the middleware’s failure, and is told once', () => {
  const { failures, middleware } = asked(true);
  middleware.fail({ code: 'FUNCTION_INVOCATION_TIMEOUT', detail: 'slow' });
  middleware.fail({ code: 'FUNCTION_INVOCATION_TIMEOUT', detail: 'slow' });
  assert.deepEqual(failures, [{ code: 'MIDDLEWARE_INVOCATION_TIMEOUT', detail: 'slow' }]);
  const late = asked(false);
  late.middleware.head(200, []);
  late.middleware.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: 'gone' });
  assert.equal(late.client.failure?.code, 'MIDDLEWARE_INVOCATION_FAILED');
});
