import { UsageError } from '../base/errors.ts';
import type { Segment } from '../model/route.ts';

/** A route's name to people, and its file: what the checks below need of a function. */
interface Named {
  readonly file: string;
  readonly pattern: string;
  readonly segments: readonly Segment[];
}

/** `api/users/[id]` → literal, literal, param. A last part `index` stands for its folder. */
export function segmentsOf(file: string, name: string): Segment[] {
  const parts = name.split('/');
  if (parts.at(-1) === 'index') parts.pop();
  const segments = parts.map((part) => segmentOf(file, part));
  const rest = segments.findIndex(({ kind }) => kind === 'rest');
  if (rest !== -1 && rest !== segments.length - 1) {
    throw new UsageError(`${file}: [...name] takes all that follows, so it must be the last part of the path`);
  }
  const names = segments.flatMap((segment) => (segment.kind === 'literal' ? [] : [segment.name]));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`${file}: the parameter ${twice} is named twice in one path`);
  return segments;
}

function segmentOf(file: string, part: string): Segment {
  if (!/[[\]]/.test(part)) return { kind: 'literal', text: part };
  const found = /^\[(\.\.\.)?([A-Za-z_][\w-]*)\]$/.exec(part);
  if (found === null) {
    throw new UsageError(
      `${file}: ${JSON.stringify(part)} is neither a name without brackets, nor [name], nor [...name]`,
    );
  }
  return { kind: found[1] === undefined ? 'param' : 'rest', name: found[2]! };
}

/** As people read it: `/api/users/[id]`. */
export const patternOf = (segments: readonly Segment[]): string =>
  `/${segments.map((segment) => (segment.kind === 'literal' ? segment.text : bracketed(segment))).join('/')}`;

const bracketed = (segment: { kind: 'param' | 'rest'; name: string }): string =>
  segment.kind === 'rest' ? `[...${segment.name}]` : `[${segment.name}]`;

const ranks = { literal: 0, param: 1, rest: 2 } as const;

/**
 * Literal before param before rest, segment by segment, so that the first match is the most exact one. Where one path is
 * the beginning of the other they never match the same request, save `/a` and `/a/[...rest]`, of which neither takes
 * the other's; the shorter is first.
 */
export function byPrecedence(a: Named, b: Named): number {
  for (let index = 0; index < Math.min(a.segments.length, b.segments.length); index += 1) {
    const difference = ranks[a.segments[index]!.kind] - ranks[b.segments[index]!.kind];
    if (difference !== 0) return difference;
  }
  return a.segments.length - b.segments.length || (a.pattern < b.pattern ? -1 : 1);
}

/** Two files for the same requests: which one answers must not depend on the order of a directory. */
export function refuseAmbiguous(dir: string, functions: readonly Named[]): void {
  const seen = new Map<string, string>();
  const clashes: string[] = [];
  for (const { file, segments } of functions) {
    const shape = segments.map((segment) => (segment.kind === 'literal' ? `=${segment.text}` : segment.kind)).join('/');
    const other = seen.get(shape);
    if (other === undefined) seen.set(shape, file);
    else clashes.push(`${dir}: ${other} and ${file} answer the same paths: remove or rename one of them`);
  }
  if (clashes.length > 0) throw new UsageError(clashes.join('\n'));
}
