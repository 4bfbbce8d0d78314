import { z } from 'zod';
import { apiErrors } from './errors.ts';
import type { ApiErrorCode } from './errors.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';

type Json = Record<string, unknown>;

/** OpenAPI 3.1 of the table of routes: made of the very schemas that check what comes and goes. */
export function openApi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(name, route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Weir', version, description: 'Deployments, usage, logs and settings of a Weir platform.' },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token that `weir token create` made' },
      },
      schemas: { Error: errorSchema },
    },
    paths,
  };
}

const errorSchema: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', enum: Object.keys(apiErrors) },
        message: { type: 'string' },
        next: { type: ['string', 'null'], description: 'What to do next' },
        issues: {
          type: 'array',
          items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
        },
      },
    },
  },
};

function operation(name: string, route: Route): Json {
  const parameters = [...parametersOf('path', route.params), ...parametersOf('query', route.query)];
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.tag],
    ...(route.role === null ? { security: [] } : { security: [{ token: [] }], 'x-role': route.role }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: bodyOf(route.body) } }),
    responses: responsesOf(route),
  };
}

function parametersOf(place: 'path' | 'query', fields: z.ZodObject | undefined): Json[] {
  if (fields === undefined) return [];
  const schema = jsonOf(fields, 'input');
  const required = new Set((schema['required'] as string[] | undefined) ?? []);
  return Object.entries(schema['properties'] as Record<string, Json>).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: property,
  }));
}

const bodyOf = (body: NonNullable<Route['body']>): Json =>
  body === 'bytes'
    ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
    : { 'application/json': { schema: jsonOf(body, 'input') } };

function responsesOf(route: Route): Json {
  const refusals = new Set<number>(
    (['INVALID_REQUEST', ...(route.errors ?? [])] as ApiErrorCode[]).map((code) => apiErrors[code].status),
  );
  if (route.role !== null) refusals.add(401).add(403).add(429);
  const failed = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } };
  return {
    [route.status ?? 200]: { description: route.summary, ...contentOf(route) },
    ...Object.fromEntries(
      [...refusals]
        .toSorted((a, b) => a - b)
        .map((status) => [status, { description: codesOf(route, status), ...failed }]),
    ),
  };
}

/** Of a status, the codes that the path may answer with. */
function codesOf(route: Route, status: number): string {
  const codes: ApiErrorCode[] = [
    'INVALID_REQUEST',
    'NO_TOKEN',
    'WRONG_TOKEN',
    'NOT_ALLOWED',
    'TOO_MANY_REQUESTS',
    ...(route.errors ?? []),
  ];
  return [...new Set(codes)].filter((code) => apiErrors[code].status === status).join(', ');
}

function contentOf(route: Route): Json {
  if (route.events !== undefined)
    return { content: { 'text/event-stream': { schema: jsonOf(route.events, 'output') } } };
  if (route.answer === 'empty') return {};
  if (route.answer === 'text') return { content: { 'text/csv': { schema: { type: 'string' } } } };
  return { content: { 'application/json': { schema: jsonOf(route.answer, 'output') } } };
}

const jsonOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
};
