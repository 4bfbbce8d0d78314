// Every route of the table, asked by whoever may not: the table is the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiClient } from '../../src/api/client.ts';
import { ApiError } from '../../src/api/errors.ts';
import type { Role } from '../../src/api/fields.ts';
import type { Route } from '../../src/api/route.ts';
import { routes, type RouteName } from '../../src/api/routes.ts';
import type { Handlers } from '../../src/control/api/handler.ts';
import { ApiServer } from '../../src/control/api/server.ts';
import { Database } from '../../src/control/store/database.ts';
import { TokenStore } from '../../src/control/store/tokens.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { loggingTo } from './local.ts';

const roles: readonly Role[] = ['read', 'deploy', 'admin'];
const table = Object.entries(routes) as [RouteName, Route][];
const params: Readonly<Record<string, string>> = {
  project: 'shop',
  id: 'dep_0123456789',
  sha256: 'a'.repeat(64),
  host: 'shop.example',
  name: 'A',
};

test('a role may what its route says, and nothing else; without a token nothing but two paths', async (t) => {
  const db = new Database(':memory:');
  const clock = new VirtualClock();
  clock.advance(60_000);
  const tokens = new TokenStore(db, clock);
  const called: string[] = [];
  const handlers = new Proxy({} as Handlers, {
    get: (_, name: string) => () => {
      called.push(name);
      throw new ApiError('PROJECT_EXISTS');
    },
  });
  const server = new ApiServer({ clock, log: loggingTo([]), tokens, handlers, dashboard: { answer: () => null } });
  const { port } = await server.listen(0, '127.0.0.1');
  t.after(async () => {
    await server.close();
    db.close();
  });
  const secrets = new Map(roles.map((role) => [role, tokens.create(role, role, null).secret]));
  const answerOf = async (name: RouteName, token: string | null): Promise<string> => {
    clock.advance(3_600_000);
    const client = new ApiClient({ origin: `http://127.0.0.1:${port}`, token });
    const all = Object.fromEntries(
      [...routes[name].path.matchAll(/:(\w+)/g)].map(([, key]) => [key, params[key!] ?? 'x']),
    );
    const { method } = routes[name];
    const bare = method === 'GET' || method === 'HEAD';
    const order = { params: all, query: {}, ...(bare ? {} : { body: {} }) };
    try {
      const response = await client.request(name, order);
      await response.body?.cancel();
      return 'answered';
    } catch (error) {
      if (error instanceof ApiError) return error.code;
      // HEAD has no body that could say it.
      return /answered (\d+)/.exec((error as Error).message)?.[1] ?? String(error);
    }
  };
  const isSaid = (answer: string, code: string, status: number, method: string): boolean =>
    answer === code || (method === 'HEAD' && answer === `${status}`);
  for (const [name, { role, method }] of table) {
    for (const [token, code] of [
      [null, 'NO_TOKEN'],
      ['weir_wrong-and-long-enough', 'WRONG_TOKEN'],
    ] as const) {
      const answer = await answerOf(name, token);
      if (role === null) assert.ok(!isSaid(answer, code, 401, method), name);
      else assert.ok(isSaid(answer, code, 401, method), `${name}, ${code}: ${answer}`);
    }
    for (const each of roles) {
      const before = called.length;
      const answer = await answerOf(name, secrets.get(each)!);
      const may = role === null || roles.indexOf(each) >= roles.indexOf(role);
      assert.equal(!isSaid(answer, 'NOT_ALLOWED', 403, method), may, `${name} as ${each}: ${answer}`);
      if (!may) assert.equal(called.length, before, `${name} as ${each}`);
    }
  }
  const open = table.filter(([, { role }]) => role === null).map(([name]) => name);
  assert.deepEqual(open.toSorted(), ['health', 'openapi']);
  // Not all were refused for what they brought.
  assert.ok(new Set(called).size > table.length / 2, called.join());
});
