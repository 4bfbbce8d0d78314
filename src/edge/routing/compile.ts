import { limits } from '../../base/limits.ts';
import type { Phase, Routing, SourceRule } from '../../model/routing.ts';
import { type CompiledCondition, compileCondition } from './conditions.ts';
import { type CompiledDestination, compileDestination } from './destination.ts';
import type { LocaleRedirect } from './locale.ts';
import { type PathPattern, compilePattern } from './pattern.ts';
import { type Names, type Template, compileTemplate } from './template.ts';
import { type CompiledTransform, compileTransform } from './transforms.ts';

export interface CompiledRule {
  readonly pattern: PathPattern;
  /** That a destination can refer to. */
  readonly names: readonly string[];
  readonly methods: ReadonlySet<string> | null;
  readonly has: readonly CompiledCondition[];
  readonly missing: readonly CompiledCondition[];
  /** Names of headers without which it cannot match: a look at them is cheaper than the pattern. */
  readonly needs: readonly string[];
  readonly destination: CompiledDestination | null;
  /** Names in lower case. */
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
  readonly important: boolean;
  readonly status: number | null;
  readonly continues: boolean;
  readonly checks: boolean;
  readonly transforms: readonly CompiledTransform[];
  /** It keeps requests from what is behind it. */
  readonly guards: boolean;
  readonly mitigation: 'challenge' | 'deny' | null;
  readonly locale: LocaleRedirect | null;
  /** The path of the function that is asked; null: none is. */
  readonly middleware: string | null;
}

/** Rules by phase; those before any `handle` are in `start`. */
export interface RoutingTable {
  readonly phases: Readonly<Record<Phase | 'start', readonly CompiledRule[]>>;
  /** `$wildcard`, by host in lower case. */
  readonly wildcards: ReadonlyMap<string, string>;
}

/**
 * A deployment's routing table, ready to be walked. Throws an Error that names the rule for the first that cannot be
 * compiled; `routingFaults` says all of them.
 */
export function compileRouting(routing: Routing): RoutingTable {
  const { table, faults } = compile(routing);
  if (faults.length > 0) throw new Error(faults[0]);
  return table;
}

/** What is wrong with a table, a line each: for whoever deploys it. Empty: it can be compiled. */
export const routingFaults = (routing: Routing): readonly string[] => compile(routing).faults;

/** Middleware can be asked here; elsewhere a rule is part of an attempt that may be taken back. */
const asking: ReadonlySet<string> = new Set(['start', 'filesystem', 'resource']);

function compile({ rules, wildcard }: Routing): { table: RoutingTable; faults: string[] } {
  const phases: Record<Phase | 'start', CompiledRule[]> = {
    start: [],
    filesystem: [],
    resource: [],
    miss: [],
    rewrite: [],
    hit: [],
    error: [],
  };
  const faults: string[] = [];
  if (rules.length > limits.routingRules) {
    faults.push(`routes: ${rules.length} rules, and ${limits.routingRules} is the most`);
  }
  const begun = new Set<string>();
  let phase: Phase | 'start' = 'start';
  rules.slice(0, limits.routingRules).forEach((rule, at) => {
    if ('handle' in rule) {
      if (!Object.hasOwn(phases, rule.handle))
        faults.push(`routes[${at}]: there is no phase ${JSON.stringify(rule.handle)}`);
      else if (begun.has(rule.handle)) faults.push(`routes[${at}]: the phase ${rule.handle} begins a second time`);
      else phase = rule.handle;
      begun.add(rule.handle);
      return;
    }
    try {
      if (rule.middlewarePath !== undefined && !asking.has(phase)) {
        throw new Error(`a middleware cannot be asked in the phase ${phase}`);
      }
      phases[phase].push(compileRule(rule));
    } catch (error) {
      faults.push(`routes[${at}] (src ${shown(rule.src)}): ${(error as Error).message}`);
    }
  });
  const wildcards = new Map(wildcard.map(({ domain, value }) => [domain.toLowerCase(), value]));
  return { table: { phases, wildcards }, faults };
}

function shown(src: unknown): string {
  const text = JSON.stringify(src) ?? 'undefined';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function compileRule(rule: SourceRule): CompiledRule {
  const { src } = rule;
  if (typeof src !== 'string') throw new TypeError('it has to be a string');
  checkLength('src', src);
  checkLength('dest', rule.dest ?? '');
  const pattern = compilePattern(src, rule.caseSensitive ?? false);
  const has = (rule.has ?? []).map((condition) => compileCondition(condition));
  const missing = (rule.missing ?? []).map((condition) => compileCondition(condition));
  const names: Names = {
    groups: pattern.groups.count,
    names: [...new Set([...pattern.groups.names, ...has.flatMap((condition) => condition.names), 'wildcard'])].sort(
      (one, other) => other.length - one.length,
    ),
    // Longest first, likewise.
    environment: (rule.env ?? []).toSorted((one, other) => other.length - one.length),
  };
  return {
    pattern,
    names: names.names,
    methods: rule.methods === undefined ? null : new Set(rule.methods.map((method) => method.toUpperCase())),
    has,
    missing,
    needs: has.filter(({ type }) => type === 'header').map(({ key }) => key),
    destination: rule.dest === undefined ? null : compileDestination(rule.dest, names),
    headers: compileHeaders(rule.headers ?? {}, names),
    important: rule.important ?? false,
    status: rule.status ?? null,
    continues: rule.continue ?? false,
    checks: rule.check ?? false,
    transforms: (rule.transforms ?? []).map((transform) => compileTransform(transform, names)),
    guards:
      rule.middlewarePath !== undefined ||
      rule.mitigate !== undefined ||
      (rule.dest === undefined && (rule.status ?? 0) >= 400),
    mitigation: rule.mitigate?.action ?? null,
    locale:
      rule.locale?.redirect === undefined ? null : { redirect: rule.locale.redirect, cookie: rule.locale.cookie ?? '' },
    middleware: rule.middlewarePath ?? null,
  };
}

function checkLength(field: string, text: string): void {
  if (text.length <= limits.routingPatternChars) return;
  throw new Error(`${field} has ${text.length} characters, and ${limits.routingPatternChars} is the most`);
}

const token = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** RFC 9110, 5.1 and 5.5: what is no header must not reach a client. */
function compileHeaders(headers: Readonly<Record<string, string>>, names: Names): CompiledRule['headers'] {
  return Object.entries(headers).map(([written, text]) => {
    if (!token.test(written)) throw new Error(`headers: ${JSON.stringify(written)} is no name of a header`);
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) throw new Error(`headers.${written}: it has control characters`);
    return { name: written.toLowerCase(), value: compileTemplate(text, names) };
  });
}
