import { errors } from '../base/errors.ts';
import type { Failure } from '../base/errors.ts';
import { defaultCacheControl } from './answer.ts';

export interface Page {
  readonly type: string;
  readonly text: string;
}

type Kind = 'html' | 'json' | 'text';

/** Preferred last to first among equals: a browser names text/html, a program application/json, curl neither. */
const kinds: Readonly<Record<string, Kind>> = {
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'application/json': 'json',
  'text/plain': 'text',
  'text/*': 'text',
  '*/*': 'text',
};

/** What an Accept header (RFC 9110, 12.5.1) asks for among the three that there are; text when it asks for nothing of them. */
export function preferredKind(accept: string | undefined): Kind {
  let best: Kind = 'text';
  let bestQuality = 0;
  for (const part of (accept ?? '').split(',')) {
    const [range = '', ...parameters] = part.split(';');
    const kind = kinds[range.trim().toLowerCase()];
    if (kind === undefined) continue;
    const weight = parameters
      .map((text) => /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(text))
      .find((found) => found !== null);
    const quality = weight === undefined ? 1 : Number(weight[1]);
    if (quality > bestQuality) {
      best = kind;
      bestQuality = quality;
    }
  }
  return best;
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (found) => escapes[found]!);

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:15vh auto;padding:0 1rem;color:#222}' +
  'code{font:14px ui-monospace,monospace;color:#555}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}code{color:#999}}';

/** The error page for `failure`, as JSON, HTML or text. `id`: what the operator finds in the log. */
export function errorPage(failure: Failure, id: string, accept: string | undefined): Page {
  const kind = preferredKind(accept);
  if (kind === 'json') return jsonPage(failure, id);
  return kind === 'html' ? htmlPage(failure, id) : textPage(failure, id);
}

/** Of the answer whose body is an error page. */
export function errorHeaders({ code, retryAfterS }: Failure, type: string): string[] {
  const headers = ['Content-Type', type, 'Cache-Control', defaultCacheControl];
  headers.push('X-Weir-Error', code, 'X-Vercel-Error', code);
  if (retryAfterS !== undefined) headers.push('Retry-After', String(Math.ceil(retryAfterS)));
  if (errors[code].status === 405) headers.push('Allow', 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS');
  return headers;
}

function jsonPage({ code, detail }: Failure, id: string): Page {
  const body = { error: { code, message: errors[code].message, detail, id } };
  return { type: 'application/json; charset=utf-8', text: `${JSON.stringify(body)}\n` };
}

function htmlPage({ code, detail }: Failure, id: string): Page {
  const { status, message } = errors[code];
  const text =
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${status}: ${code}</title><style>${style}</style><h1>${status}</h1><p>${escapeHtml(message)}</p>` +
    `<p>${escapeHtml(detail)}</p><p><code>${code}</code><br><code>${escapeHtml(id)}</code></p></html>\n`;
  return { type: 'text/html; charset=utf-8', text };
}

function textPage({ code, detail }: Failure, id: string): Page {
  const { status, message } = errors[code];
  const text = `${status}: ${message}\n${detail === '' ? '' : `${detail}\n`}\nCode: ${code}\nID: ${id}\n`;
  return { type: 'text/plain; charset=utf-8', text };
}
