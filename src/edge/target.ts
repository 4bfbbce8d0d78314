// Hot path: most targets are origin-form without anything that needs a second look.
import type { Refusal } from './head.ts';
import { limits } from '../base/limits.ts';

/** A request target in origin-form. */
export interface Target {
  /** Path and query, as the client wrote them. */
  readonly text: string;
  /** Without the query, still percent-encoded. */
  readonly path: string;
  /** The authority of an absolute-form target, lower case; empty for origin-form. */
  readonly authority: string;
  /** `OPTIONS *` */
  readonly asterisk: boolean;
}

export type ParsedTarget =
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly refusal: Refusal };

const refuse = (detail: string): ParsedTarget => ({ ok: false, refusal: { code: 'MALFORMED_REQUEST_HEADER', detail } });

/** `%`, `\`, `#`, `/.` and bytes outside of printable ASCII need a look; everything else is taken as it is. */
const suspicious = /[%\\#]|\/\.|[^\x21-\x7e]/;
const dotSegment = /(?:^|\/)\.{1,2}(?:\/|$)/;
const unprintable = /[^\x21-\x7e]/;

/** RFC 9112, 3.2. The path may not climb, in any spelling: what the edge matches is what the function sees. */
export function parseTarget(method: string, raw: string): ParsedTarget {
  if (raw.length > limits.urlBytes) {
    return {
      ok: false,
      refusal: { code: 'URL_TOO_LONG', detail: `The target is longer than ${limits.urlBytes} bytes.` },
    };
  }
  if (raw.charCodeAt(0) === 0x2f) return originForm(raw, '');
  if (raw === '*') {
    if (method !== 'OPTIONS') return refuse('The target * is for OPTIONS alone.');
    return { ok: true, target: { text: '*', path: '*', authority: '', asterisk: true } };
  }
  return absoluteForm(method, raw);
}

function originForm(text: string, authority: string): ParsedTarget {
  const query = text.indexOf('?');
  const path = query === -1 ? text : text.slice(0, query);
  if (suspicious.test(text)) {
    const wrong = lookTwice(text, path);
    if (wrong !== null) return refuse(wrong);
  }
  return { ok: true, target: { text, path, authority, asterisk: false } };
}

function lookTwice(text: string, path: string): string | null {
  if (unprintable.test(text)) return 'The target has bytes that must be percent-encoded.';
  if (text.includes('#')) return 'The target has a fragment.';
  const decoded = decodePath(path);
  if (decoded === null) return 'The path is not percent-encoded UTF-8.';
  if (decoded.includes('\0')) return 'The path has a NUL.';
  if (decoded.includes('\\')) return 'The path has a backslash.';
  if (dotSegment.test(decoded)) return 'The path has a dot segment.';
  return null;
}

/** Null: not percent-encoded UTF-8. */
export function decodePath(path: string): string | null {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

const absolute = /^https?:\/\/([^/?#]*)(.*)$/is;

function absoluteForm(method: string, raw: string): ParsedTarget {
  const parts = absolute.exec(raw);
  if (parts === null) return refuse('The target is neither a path nor an http URL.');
  const authority = parts[1]!.toLowerCase();
  if (authority === '') return refuse('The target has no host.');
  const rest = parts[2]!;
  if (rest === '' && method === 'OPTIONS')
    return { ok: true, target: { text: '*', path: '*', authority, asterisk: true } };
  return originForm(rest.startsWith('/') ? rest : `/${rest}`, authority);
}
