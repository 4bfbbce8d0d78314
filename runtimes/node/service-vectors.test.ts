// What calls of user code ask of the platform is the same in every runtime: the golden vectors, by the unmodified package.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { dangerouslyDeleteByTag, getCache, invalidateByTag, metric } from '@vercel/functions';
import { AskFailed } from '../../src/core/asks.ts';
import { installContext } from './context.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import { webInvoker } from './web.ts';

type Fields = Readonly<Record<string, unknown>>;

interface ServiceVector {
  readonly name: string;
  readonly do: string;
  readonly cache?: object;
  readonly arguments: readonly any[];
  readonly asked: object;
  readonly askedBody?: unknown;
  readonly answer: Fields;
  readonly answerBody?: string;
  readonly gives?: unknown;
  readonly fails?: string;
  readonly warns?: true;
}

interface Vectors {
  readonly services: readonly ServiceVector[];
  readonly metrics: readonly {
    readonly name: string;
    readonly arguments: readonly any[];
    readonly sent: object | null;
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../protocol/vectors/runtime.json', import.meta.url), 'utf8'),
) as Vectors;
const host = new FakeHost();
installContext(host);
host.services = true;

async function called({ do: what, cache: options, arguments: given }: ServiceVector): Promise<unknown> {
  const [first, second, third] = given;
  const cache = getCache(options);
  switch (what) {
    case 'get':
      return cache.get(first);
    case 'set':
      return cache.set(first, second, third);
    case 'delete':
      return cache.delete(first);
    case 'expireTag':
      return cache.expireTag(first);
    case 'invalidateByTag':
      return invalidateByTag(first);
    default:
      return dangerouslyDeleteByTag(first, second === undefined ? {} : { revalidationDeadlineSeconds: second });
  }
}

/** In an invocation. What it threw, or gave. */
async function outcome(work: () => unknown): Promise<{ gave?: unknown; threw?: unknown }> {
  let its = {};
  const fetch = async (): Promise<Response> => {
    try {
      its = { gave: await work() };
    } catch (threw) {
      its = { threw };
    }
    return new Response('done');
  };
  await new FakeCall().begin(webInvoker({ self: {}, methods: {}, fetch }, host)).settled();
  return its;
}

suite('protocol/vectors/runtime.json, services', () => {
  for (const vector of vectors.services) {
    test(vector.name, async () => {
      host.asked.length = 0;
      host.lines.length = 0;
      const { answer, answerBody = '', asked, askedBody, gives, fails, warns } = vector;
      host.onAsk = async () => {
        if (answer['ok'] !== true) throw new AskFailed(String(answer['code']), String(answer['message']));
        return { fields: answer, body: Buffer.from(answerBody) };
      };
      const { gave, threw } = await outcome(() => called(vector));
      const [{ fields, body }] = host.asked as [(typeof host.asked)[0]];
      assert.equal(host.asked.length, 1);
      assert.deepEqual(fields, asked);
      if ('askedBody' in vector) assert.deepEqual(JSON.parse(Buffer.from(body!).toString()), askedBody);
      if (fails === undefined) assert.deepEqual([gave ?? null, threw], [gives ?? null, undefined]);
      else assert.equal((threw as AskFailed).code, fails);
      assert.equal(host.lines.length, warns === true ? 1 : 0);
    });
  }
});

suite('protocol/vectors/runtime.json, metrics', () => {
  for (const { name, arguments: given, sent } of vectors.metrics) {
    test(name, async () => {
      host.metrics.length = 0;
      const [metricName, value, attributes] = given;
      await outcome(() => metric(metricName, value, attributes));
      assert.deepEqual(host.metrics, sent === null ? [] : [sent]);
    });
  }
});
