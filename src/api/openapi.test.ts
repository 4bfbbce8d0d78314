import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { apiErrors } from './errors.ts';
import { openApi } from './openapi.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { content: Record<string, { schema: Json }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
  readonly security: readonly Json[];
}

const document = openApi('1.2.3') as unknown as { paths: Record<string, Record<string, Operation>> } & Json;
const table: [string, Route][] = Object.entries(routes);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** Every object in it, with the way to it. */
function* objectsIn(value: unknown, way = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  yield [way, value as Json];
  for (const [name, each] of Object.entries(value)) yield* objectsIn(each, `${way}/${name}`);
}

test('each route is there once, by its name', () => {
  assert.equal(document['openapi'], '3.1.0');
  assert.equal(operations.length, table.length);
  assert.deepEqual(operations.map(({ operation }) => operation.operationId).toSorted(), Object.keys(routes).toSorted());
  const places = table.map(([, { method, path }]) => `${method} ${path.replaceAll(/:\w+/g, ':')}`);
  assert.equal(new Set(places).size, places.length, 'no two answer one path');
});

test('it is JSON, and every reference in it leads to something', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
  let references = 0;
  for (const [way, { $ref }] of objectsIn(document)) {
    if ($ref === undefined) continue;
    references += 1;
    assert.ok(typeof $ref === 'string' && $ref.startsWith('#/'), way);
    let at: unknown = document;
    for (const part of $ref.slice(2).split('/')) at = (at as Json | undefined)?.[part];
    assert.notEqual(at, undefined, `${way}: ${$ref}`);
  }
  assert.ok(references > 0);
});

test('parameters of a path are declared, all of them and no others', () => {
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
    const declared = (operation.parameters ?? []).filter((each) => each.in === 'path');
    assert.deepEqual(declared.map(({ name }) => name).toSorted(), inPath.toSorted(), path);
    for (const { required } of declared) assert.equal(required, true);
    const names = (operation.parameters ?? []).map((each) => `${each.in} ${each.name}`);
    assert.equal(new Set(names).size, names.length);
  }
});

test('what it says of a route is what checks it: body, answer, refusals, roles', () => {
  for (const [name, route] of table) {
    const found = operations.find(({ operation }) => operation.operationId === name)!;
    const { operation } = found;
    assert.equal(found.method, route.method.toLowerCase());
    assert.equal(operation.requestBody !== undefined, route.body !== undefined, name);
    assert.equal(operation.security.length > 0, route.role !== null, name);
    const success = operation.responses[`${route.status ?? 200}`]!;
    if (route.answer === 'empty') assert.equal(success.content, undefined, name);
    else assert.equal(Object.keys(success.content ?? {}).length, 1, name);
    for (const code of [...(route.errors ?? []), 'INVALID_REQUEST' as const]) {
      const refusal = operation.responses[`${apiErrors[code].status}`];
      assert.ok(refusal !== undefined && refusal.description.split(', ').includes(code), `${name}: ${code}`);
    }
  }
});

/** Beside these nothing is in it that a schema has no word for (`{}`: anything goes). */
test('all that is answered or asked can be told as a schema', () => {
  for (const [name, route] of table)
    for (const schema of [route.params, route.query, route.body, route.answer, route.events])
      if (schema instanceof z.ZodType) {
        const io = schema === route.answer || schema === route.events ? 'output' : 'input';
        assert.doesNotThrow(() => z.toJSONSchema(schema, { io, unrepresentable: 'throw' }), name);
      }
});
