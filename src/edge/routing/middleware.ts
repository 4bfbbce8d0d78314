import { type HeaderEdit, isFraming } from './effects.ts';

export interface MiddlewareAnswer {
  readonly status: number;
  /** Name, value, name, value, … */
  readonly headers: readonly string[];
}

export type Decision =
  /** Its answer is the answer. */
  | { readonly kind: 'answer' }
  /** It names a place that is none. */
  | { readonly kind: 'broken' }
  | {
      readonly kind: 'go';
      readonly rewrite: Rewrite | null;
      /** Of the answer, when it goes on to a page with a status of its own. */
      readonly status: number | null;
      readonly requestEdits: readonly HeaderEdit[];
      readonly responseHeaders: readonly (readonly [name: string, value: string])[];
    };

type Rewrite =
  /** `path` and `query`: encoded; the query without `?`. */
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  | { readonly kind: 'external'; readonly url: string };

/** Framing, and what is about a body that there is none of. */
const notPassedOn = new Set(['date', 'content-type', 'content-encoding']);
const requestPrefix = 'x-middleware-request-';
/** Said to the platform, and to nobody else. */
const consumed = new Set([
  'x-middleware-next',
  'x-middleware-rewrite',
  'x-middleware-override-headers',
  'x-middleware-refresh',
]);

/** Source: vercel dev's copy of the proxy, and responseToMiddlewareResult of @next/routing. `host`: that was asked. */
export function readMiddlewareAnswer({ status, headers }: MiddlewareAnswer, host: string): Decision {
  const fields: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2) fields.push([headers[at]!.toLowerCase(), headers[at + 1]!]);
  const first = (name: string): string | undefined => fields.find((field) => field[0] === name)?.[1];
  const target = first('x-middleware-rewrite');
  if (target === undefined && first('x-middleware-next') !== '1') return { kind: 'answer' };
  const rewrite = target === undefined ? null : readRewrite(target, host);
  if (rewrite === undefined) return { kind: 'broken' };
  const passed = fields.filter(
    ([name]) => !isFraming(name) && !notPassedOn.has(name) && !consumed.has(name) && !name.startsWith(requestPrefix),
  );
  return {
    kind: 'go',
    rewrite,
    status: rewrite === null || status === 200 ? null : status,
    requestEdits: [...overrides(first('x-middleware-override-headers'), fields), ...copies(passed)],
    // How a middleware shows the page the cookies that it sets: the request alone has it.
    responseHeaders: passed.filter(([name]) => name !== 'x-middleware-set-cookie'),
  };
}

/** Whoever overrides, names all headers that the request is to have; those that have no new value go. */
function overrides(list: string | undefined, fields: readonly (readonly [string, string])[]): HeaderEdit[] {
  if (list === undefined) return [];
  const names = new Set(list.split(',').map((name) => name.trim().toLowerCase()));
  const edits: HeaderEdit[] = [{ op: 'keep', names }];
  for (const target of names) {
    const values = fields.filter(([name]) => name === requestPrefix + target).map(([, value]) => value);
    edits.push(values.length === 0 ? { op: 'delete', target } : { op: 'set', target, values });
  }
  return edits;
}

/** What it answered with is there for the function, too. */
function copies(passed: readonly (readonly [string, string])[]): HeaderEdit[] {
  return [...new Set(passed.map(([name]) => name))].map((target) => ({
    op: 'set',
    target,
    values: passed.filter(([name]) => name === target).map(([, value]) => value),
  }));
}

function readRewrite(target: string, host: string): Rewrite | undefined {
  const base = `http://${host === '' ? 'localhost' : host}`;
  if (!URL.canParse(target, base) || !URL.canParse(base)) return undefined;
  const url = new URL(target, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  // The scheme is not compared: TLS may end in front of the edge.
  if (url.host !== new URL(base).host && url.host !== new URL(`https://${new URL(base).host}`).host) {
    return { kind: 'external', url: url.href };
  }
  return { kind: 'path', path: url.pathname, query: url.search.slice(1) };
}
