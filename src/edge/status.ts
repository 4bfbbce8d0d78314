import { printable } from '../base/printable.ts';
import { escapeHtml, preferredKind } from './page.ts';
import type { Page } from './page.ts';
import { tableLines } from '../model/text-table.ts';

/** What the status page shows of one function; whatever else there is appears in the JSON. */
interface StatusFunction {
  readonly label: string;
  readonly instances: readonly { readonly inFlight: number }[];
  readonly queued: number;
  readonly invocations: number;
  readonly starts: { readonly cold: number; readonly prewarmed: number; readonly warm: number };
  readonly activeCpu: { readonly totalMs: number };
  readonly memoryGbSeconds: number;
  /** US dollars. */
  readonly cost: { readonly totalUsd: number; readonly onePerInstanceUsd: number; readonly savedPercent: number };
}

export interface StatusReport {
  readonly functions: readonly StatusFunction[];
}

const columns = [
  'function',
  'instances',
  'in flight',
  'queued',
  'invocations',
  'cold',
  'prewarmed',
  'warm',
  'active CPU',
  'memory GB-s',
  'cost',
  'one per instance',
  'saved',
] as const;

const seconds = (ms: number): string => (ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`);
const dollars = (amount: number): string => `$${amount.toFixed(6)}`;

function cells(each: StatusFunction): string[] {
  const { starts, cost } = each;
  const inFlight = each.instances.reduce((sum, instance) => sum + instance.inFlight, 0);
  return [
    printable(each.label),
    ...[each.instances.length, inFlight, each.queued, each.invocations, starts.cold, starts.prewarmed, starts.warm].map(
      String,
    ),
    seconds(each.activeCpu.totalMs),
    each.memoryGbSeconds.toFixed(2),
    dollars(cost.totalUsd),
    dollars(cost.onePerInstanceUsd),
    `${cost.savedPercent.toFixed(1)} %`,
  ];
}

function textTable(rows: readonly (readonly string[])[]): string {
  const sides = columns.map((_, at) => (at === 0 ? 'left' : 'right'));
  return `${tableLines(rows, sides).join('\n')}\n`;
}

const style =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222}table{border-collapse:collapse}' +
  'td,th{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #8884}td:first-child,th:first-child{text-align:left}' +
  '@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}';

function htmlTable(rows: readonly (readonly string[])[], links: readonly string[]): string {
  const row = (cellsOf: readonly string[], tag: string): string =>
    `<tr>${cellsOf.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const [head, ...rest] = rows;
  const list = links.map((link) => `<li><a href="${escapeHtml(link)}">${escapeHtml(link)}</a>`).join('');
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir</title>` +
    `<style>${style}</style><h1>Weir</h1><ul>${list}</ul><table>${row(head!, 'th')}${rest.map((each) => row(each, 'td')).join('')}</table></html>\n`
  );
}

/** `links`: the projects' addresses. */
export function statusPage(report: StatusReport, links: readonly string[], accept: string | undefined): Page {
  const kind = preferredKind(accept);
  if (kind === 'json') {
    return { type: 'application/json; charset=utf-8', text: `${JSON.stringify({ ...report, links }, null, 2)}\n` };
  }
  const rows = [columns, ...report.functions.map(cells)];
  if (kind === 'html') return { type: 'text/html; charset=utf-8', text: htmlTable(rows, links) };
  return { type: 'text/plain; charset=utf-8', text: `${links.join('\n')}\n\n${textTable(rows)}` };
}
