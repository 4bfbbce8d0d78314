import { limits } from '../../base/limits.ts';

/**
 * A destination or header value with references: `$1`, `$0` (all that matched), `$name`, `$wildcard`. What is no reference to something that the
 * rule can have stays as it is written.
 */
export interface Template {
  /** Texts and references, in turn as they come. */
  readonly parts: readonly (string | Reference)[];
  /** The text, if there is no reference in it. */
  readonly literal: string | null;
}

type Reference =
  | { readonly from: 'group'; readonly at: number }
  | { readonly from: 'name'; readonly name: string }
  | { readonly from: 'environment'; readonly name: string };

/** What the references of one rule can be to. */
export interface Names {
  /** How many groups the rule's pattern has. */
  readonly groups: number;
  /** Named groups of the pattern and of its conditions, longest first, so that `$pathname` is not `$path` and `name`. */
  readonly names: readonly string[];
  readonly environment: readonly string[];
}

/** What a match of one rule has for its references. */
export interface Captured {
  /** Groups over the path, percent-encoded as the path is. */
  readonly match: RegExpExecArray;
  /** Of groups and values that there can be. */
  readonly names: readonly string[];
  /** Groups over headers, cookies, query and host, and what else conditions give a name: as it came, decoded. */
  readonly values: Readonly<Record<string, string>>;
}

/** What may go where a reference was. `kept`: into the query, still as it is encoded in the path. */
type Form = 'path' | 'query' | 'kept' | 'header' | 'location' | 'authority';

export function compileTemplate(text: string, { groups, names, environment }: Names): Template {
  const parts: (string | Reference)[] = [];
  let written = 0;
  for (let at = text.indexOf('$'); at !== -1; at = text.indexOf('$', at + 1)) {
    const rest = text.slice(at + 1);
    const digits = /^(?:0|[1-9]\d{0,3})/.exec(rest)?.[0];
    const known = (name: string): boolean => rest.startsWith(name);
    let found: [string, Reference] | null = null;
    const variable = environment.find(known);
    const name = names.find(known);
    if (digits !== undefined && Number(digits) <= groups) found = [digits, { from: 'group', at: Number(digits) }];
    else if (variable !== undefined) found = [variable, { from: 'environment', name: variable }];
    else if (name !== undefined) found = [name, { from: 'name', name }];
    if (found === null) continue;
    if (at > written) parts.push(text.slice(written, at));
    parts.push(found[1]);
    written = at + 1 + found[0].length;
    at = written - 1;
  }
  if (written < text.length) parts.push(text.slice(written));
  return { parts, literal: parts.length === 0 || written === 0 ? text : null };
}

/** Null: longer than anything that a request or an answer may have, or not fit for where it would go. */
export function expand(
  template: Template,
  captured: Captured,
  form: Form,
  environment: Readonly<Record<string, string>>,
): string | null {
  if (template.literal !== null) return template.literal;
  let text = '';
  for (let at = 0; at < template.parts.length; at += 1) {
    const part = template.parts[at]!;
    if (typeof part === 'string') text += part;
    else {
      const piece =
        form === 'authority'
          ? authorityPiece(template.parts, at, text, (as) => pieceOf(part, captured, as, environment))
          : pieceOf(part, captured, form, environment);
      if (piece === null) return null;
      text += piece;
    }
    if (text.length > limits.routedTextChars) return null;
  }
  return text;
}

/**
 * Of a host a client chooses what the rule leaves open, and no more: `https://$1.example.com`, `https://$1`, a port. Where
 * the host is written out, what follows is a path or nothing: with `https://example.com$1` nobody gets to
 * `example.com.evil.test`. `before`: the text up to here. `as`: the piece for a form. Null: not fit.
 */
function authorityPiece(
  parts: Template['parts'],
  at: number,
  before: string,
  as: (form: Form) => string | null,
): string | null {
  if (at === parts.length - 1 && !before.endsWith('/')) {
    const path = as('path');
    if (path?.startsWith('/') === true) return path;
  }
  const piece = as('authority');
  if (piece === null || piece === '') return piece;
  const part = parts[at]!;
  const isOwn = typeof part !== 'string' && part.from === 'environment';
  const written = parts.slice(0, at).findLast((part) => typeof part === 'string') ?? '';
  const following = parts.slice(at + 1).find((part) => typeof part === 'string') ?? '';
  if (isOwn || /(?:\.|:\/\/)$/.test(written) || /^[^:]/.test(following)) return piece;
  return written.endsWith(':') && /^\d+$/.test(piece) ? piece : null;
}

function pieceOf(
  reference: Reference,
  { match, values }: Captured,
  form: Form,
  environment: Readonly<Record<string, string>>,
): string | null {
  if (reference.from === 'group') return encodedPiece(match[reference.at] ?? '', form);
  const own = reference.from === 'environment' ? environment : values;
  if (reference.from === 'name' && match.groups !== undefined && reference.name in match.groups) {
    return encodedPiece(match.groups[reference.name] ?? '', form);
  }
  // The deployer's own, so that it may say the port.
  if (reference.from === 'environment' && form === 'authority') {
    const host = environment[reference.name] ?? '';
    return /^[\w.:[\]-]*$/.test(host) ? host : null;
  }
  return plainPiece(Object.hasOwn(own, reference.name) ? own[reference.name]! : '', form);
}

const hostPiece = /^[\w.-]*$/;
const unprintable = /[^\x20-\x7e]/;

/** A piece of a path, as it is encoded there. */
function encodedPiece(raw: string, form: Form): string | null {
  if (form === 'path') return raw;
  // `a&b` and `a+b` are whole segments of a path, and not of a query.
  if (form === 'query') return encoded(decoded(raw));
  return form === 'kept' ? encoded(raw) : printable(raw, form);
}

/** A value that is not encoded: of a header, a cookie, the query, the environment. */
function plainPiece(value: string, form: Form): string | null {
  if (form === 'path') return toPath(value);
  return form === 'query' || form === 'kept' ? encoded(value) : printable(value, form);
}

/** A client may not choose another host than the rule leaves open, nor end a header: no `@`, `:`, `/`, no line break. */
function printable(text: string, form: 'header' | 'location' | 'authority'): string | null {
  if (form === 'authority') return hostPiece.test(text) ? text : null;
  const piece = unprintable.test(text) ? toPath(text) : text;
  return form === 'location' ? piece.replaceAll('\\', '%5C') : piece;
}

const plain = /^[\w.~-]*$/;

/** For a query. Most values are what they were. */
export const encoded = (text: string): string => (plain.test(text) ? text : encodeURIComponent(text.toWellFormed()));

/** Slashes stay, and what is percent-encoded already; what would end the path is encoded. */
export const toPath = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/%(?![\da-f]{2})|[^\x21-\x7e]+|[?#\\"<>`]/gi, (character) => encodeURIComponent(character));

function decoded(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}
