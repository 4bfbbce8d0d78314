import type { Rule, Routing } from '../../model/routing.ts';
import { compileRouting } from './compile.ts';
import { OutputPaths } from './outputs.ts';
import type { RoutedRequest } from './position.ts';
import type { Step } from './step.ts';
import { Walk } from './walk.ts';

export const routing = (rules: readonly Rule[], wildcard: Routing['wildcard'] = []): Routing => ({
  rules,
  wildcard,
  images: null,
  afterCacheBypass: [],
});

export interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `target`: path and query. */
export function request(
  target: string,
  { method = 'GET', host = 'example.com', headers = {} }: Asked = {},
): RoutedRequest {
  const question = target.indexOf('?');
  return {
    method,
    host,
    path: question === -1 ? target : target.slice(0, question),
    query: question === -1 ? '' : target.slice(question + 1),
    header: (name) => headers[name],
  };
}

export const walkOf = (
  rules: readonly Rule[],
  outputs: readonly string[],
  target: string,
  asked: Asked & {
    readonly wildcard?: Routing['wildcard'];
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Walk =>
  new Walk(
    compileRouting(routing(rules, asked.wildcard)),
    request(target, asked),
    new OutputPaths(outputs),
    asked.environment ?? {},
  );

/** A step in a line: what it is, where it leads, with which status and headers. */
export function told(step: Step): string {
  if (step.kind === 'middleware') return `middleware ${step.output} ${step.target}`;
  if (step.kind === 'output') return `${step.status === null ? '' : `${step.status} `}${step.output} ${step.target}`;
  if (step.kind === 'external') return `external ${step.url}`;
  if (step.kind === 'redirect') return `${step.status} -> ${headerOf(step, 'location')}`;
  if (step.kind === 'answer') return 'answer';
  return `${step.status} ${step.reason}${step.page === null ? '' : ` ${step.page.output}`}`;
}

/** Of what a step does to the answer's headers; several joined. */
export function headerOf(step: Step, name: string): string | null {
  if (step.kind === 'middleware') return null;
  const all = [...step.effects.responseHeaders, ...step.effects.importantHeaders];
  const values = all.filter((_, at) => at % 2 === 1 && all[at - 1] === name);
  return values.length === 0 ? null : values.join(', ');
}

export const route = (
  rules: readonly Rule[],
  outputs: readonly string[],
  target: string,
  asked: Parameters<typeof walkOf>[3] = {},
): string => told(walkOf(rules, outputs, target, asked).next());
