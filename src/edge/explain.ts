import { printable, printableLines } from '../base/printable.ts';
import type { Explainable, Explained } from '../model/explain.ts';
import { explainText, functionLines } from '../model/explain-text.ts';
import type { Reading } from '../model/explain-text.ts';
import { escapeHtml, preferredKind } from './page.ts';
import type { Page } from './page.ts';

export interface ExplainPage extends Page {
  readonly status: number;
}

/** Kinds of answers by their status; 300 would be right for what is ambiguous, and clients make something of it. */
const statuses = { found: 200, idle: 200, list: 200, unknown: 404, ambiguous: 409 } as const;

/** The name that is asked for in the target of a request; null: none is. */
export function askedFunction(target: string): string | null {
  const query = target.indexOf('?');
  return query === -1 ? null : new URLSearchParams(target.slice(query)).get('function');
}

/** Why a function is scheduled as it is, as JSON, HTML or text: by the Accept header, as with the status page. */
export function explainPage(explained: Explained, reading: Reading, accept: string | undefined): ExplainPage {
  const status = statuses[explained.kind];
  const kind = preferredKind(accept);
  if (kind === 'json') {
    const text = printableLines(JSON.stringify(jsonOf(explained), null, 2));
    return { status, type: 'application/json; charset=utf-8', text: `${text}\n` };
  }
  if (kind === 'html') return { status, type: 'text/html; charset=utf-8', text: html(explained, reading) };
  return { status, type: 'text/plain; charset=utf-8', text: text(explained, reading) };
}

/** The explanation itself; otherwise what went wrong, and what can be asked for. */
function jsonOf(explained: Explained): object {
  if (explained.kind === 'found') return explained.explanation;
  if (explained.kind === 'idle') return { ...explained.function, idle: true };
  if (explained.kind === 'list') return { functions: explained.functions };
  const meant = explained.kind === 'unknown' ? { meant: explained.meant } : {};
  return { error: complaint(explained), ...meant, functions: functionsOf(explained) };
}

function complaint(explained: Explained & { kind: 'ambiguous' | 'unknown' }): string {
  if (explained.kind === 'ambiguous')
    return `${quoted(explained.name)} is the name of several functions: say more of it`;
  if (explained.functions.length === 0)
    return `there is no function called ${quoted(explained.name)}: there is none at all`;
  const meant = explained.meant === null ? '' : ` (did you mean ${printable(explained.meant)}?)`;
  return `there is no function called ${quoted(explained.name)}${meant}`;
}

/** Hours to milliseconds, where the platform runs. */
export function localTime(wallMs: number): string {
  const date = new Date(wallMs);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

const quotedCharacters = 100;
const quoted = (name: string): string =>
  `"${printable(name.length > quotedCharacters ? `${name.slice(0, quotedCharacters)}…` : name)}"`;

function text(explained: Explained, reading: Reading): string {
  if (explained.kind === 'found') return explainText(explained.explanation, reading);
  const lines = explained.kind === 'idle' ? [untouched] : functionLines(functionsOf(explained));
  return `${[titleOf(explained), ...lines.map((line) => `  ${line}`)].join('\n')}\n`;
}

const untouched = 'nothing has been asked of it yet';

const functionsOf = (explained: Exclude<Explained, { kind: 'found' | 'idle' }>): readonly Explainable[] =>
  explained.kind === 'ambiguous' ? explained.candidates : explained.functions;

function titleOf(explained: Exclude<Explained, { kind: 'found' }>): string {
  if (explained.kind === 'list') return 'Functions';
  return explained.kind === 'idle' ? printable(explained.function.label) : complaint(explained);
}

const style =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222}pre{font:13px/1.5 ui-monospace,monospace;overflow-x:auto}' +
  '@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}';

function html(explained: Explained, reading: Reading): string {
  const title = explained.kind === 'found' ? printable(explained.explanation.label) : titleOf(explained);
  const body =
    explained.kind === 'found' || explained.kind === 'idle'
      ? `<pre>${escapeHtml(text(explained, reading))}</pre>`
      : `<h1>${escapeHtml(title)}</h1><ul>${functionsOf(explained).map(link).join('')}</ul>`;
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escapeHtml(title)}</title><style>${style}</style>${body}</html>\n`
  );
}

function link(each: Explainable): string {
  const [line = ''] = functionLines([each]);
  return `<li><a href="?${escapeHtml(new URLSearchParams({ function: each.id }).toString())}">${escapeHtml(line)}</a>`;
}
