// A bill as a person reads it, and as a spreadsheet does.
import { printable } from '../base/printable.ts';
import type { Bill, BillLine, BillPart } from './bill.ts';

/** A part for each project, and one for all of them when there are several. */
export function billText(bill: Bill): string {
  const { minutes, projects, total } = bill;
  if (minutes === null) return 'There was no usage.\n';
  const parts = projects.map((part) => partText(printable(part.project), part));
  if (projects.length !== 1) parts.push(partText('All projects', total));
  const period = `${momentOf(minutes.first)} to ${momentOf(minutes.last + 1)} UTC`;
  return `Usage from ${period}. Amounts in US dollars, each rounded to the cent; totals are sums of amounts shown.\n\n${parts.join('\n')}`;
}

function partText(title: string, { lines, totalCents, onePerInstance }: BillPart): string {
  const { gbHours, unitPriceUsd, amountCents, savedCents, savedPercent, savedGbHours } = onePerInstance;
  const invocations = lines.find(({ item }) => item === 'invocations')!;
  const percent = savedPercent === null ? '' : ` (${savedPercent.toFixed(1)} %)`;
  return [
    title,
    ...lines.map(lineText),
    row('total', '', '', dollars(totalCents)),
    '  The same traffic, one invocation per instance, wall-clock:',
    lineText(invocations),
    lineText({ item: 'provisioned memory', unit: 'GB-hour', quantity: gbHours, unitPriceUsd, amountCents }),
    row('total', '', '', dollars(onePerInstance.totalCents)),
    row('saved', `${quantityText(savedGbHours)} GB-hours`, '', `${dollars(savedCents)}${percent}`),
    '',
  ].join('\n');
}

const unitTexts: Readonly<Record<BillLine['unit'], string>> = {
  million: 'million',
  'CPU hour': 'CPU hours',
  'GB-hour': 'GB-hours',
};

function lineText({ item, unit, quantity, unitPriceUsd, amountCents }: BillLine): string {
  return row(item, `${quantityText(quantity)} ${unitTexts[unit]}`, `× ${unitPriceUsd}`, dollars(amountCents));
}

const row = (item: string, quantity: string, price: string, amount: string): string =>
  `  ${item.padEnd(18)}  ${quantity.padStart(26)}  ${price.padEnd(10)}  ${amount.padStart(12)}`;

/** Lines end as RFC 4180 has it. A row per project and line, then the totals, with an empty project. */
export function billCsv({ projects, total }: Bill): string {
  const rows: (string | number)[][] = [['project', 'item', 'unit', 'quantity', 'unit_price_usd', 'amount_usd']];
  for (const { project, ...part } of projects) rows.push(...partRows(project, part));
  rows.push(...partRows('', total));
  return rows.map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');
}

function partRows(project: string, { lines, totalCents, onePerInstance: other }: BillPart): (string | number)[][] {
  const { gbHours, unitPriceUsd, amountCents, savedGbHours, savedCents } = other;
  return [
    ...lines.map((each) => [project, each.item, each.unit, each.quantity, each.unitPriceUsd, amount(each.amountCents)]),
    [project, 'total', '', '', '', amount(totalCents)],
    [project, 'one per instance: memory', 'GB-hour', gbHours, unitPriceUsd, amount(amountCents)],
    [project, 'one per instance: total', '', '', '', amount(other.totalCents)],
    [project, 'saved', 'GB-hour', savedGbHours, '', amount(savedCents)],
  ];
}

/**
 * Names are somebody's: what a spreadsheet would take for a formula is marked as text, by an apostrophe. Numbers are ours,
 * a sign in front of them is one.
 */
function cell(value: string | number): string {
  if (typeof value === 'number') return plain.format(value);
  const text = /^-?\d+\.\d\d$/.test(value) || !/^[=+\-@\t\r\n]/.test(value) ? value : `'${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** No exponents, no separators. */
const plain = new Intl.NumberFormat('en-US', { useGrouping: false, maximumFractionDigits: 12 });

/** By whole cents: no binary fraction of a dollar. */
function amount(cents: number): string {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function dollars(cents: number): string {
  const [whole, part] = amount(cents).split('.');
  return `${whole!.replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, ',')}.${part}`;
}

/** To a single invocation, and so that quantity × price is the amount to the cent; of little, to a thousandth of it. */
function quantityText(quantity: number): string {
  const decimals = quantity === 0 ? 0 : Math.max(6, Math.min(9, 3 - Math.floor(Math.log10(Math.abs(quantity)))));
  return quantity.toLocaleString('en-US', { maximumFractionDigits: decimals });
}

const momentOf = (minute: number): string => new Date(minute * 60_000).toISOString().slice(0, 16).replace('T', ' ');
