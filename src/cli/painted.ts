import { styleText } from 'node:util';
import { printableLines } from '../base/printable.ts';

/** Colours and the like, for what stands out. */
type Look = Parameters<typeof styleText>[0];

/** Text with a look: on a terminal, and not where NO_COLOR is set. */
export interface Painted {
  readonly text: string;
  readonly look: Look;
}
export type Part = string | Painted;

export const bold = (text: string): Painted => ({ text, look: 'bold' });
export const dim = (text: string): Painted => ({ text, look: 'dim' });
export const painted = (text: string, look: Look): Painted => ({ text, look });
export const plain = (part: Part): string => (typeof part === 'string' ? part : part.text);

/** Several lines stay several. */
export function look(part: Part, stream: NodeJS.WriteStream): string {
  const text = printableLines(plain(part));
  return typeof part === 'string' ? text : styleText(part.look, text, { stream });
}
