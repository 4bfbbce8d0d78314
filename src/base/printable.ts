/**
 * What moves a cursor, colours, renames a window or turns the direction of a line on a terminal: control characters (C0,
 * DEL, C1), line separators, marks of direction, and halves of characters.
 */
const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Text from elsewhere (names of files, paths, messages) as it can be shown on one line of a terminal: as it is, with what is
 * none of it written as JSON would: `\u001b`. So JSON stays the same JSON, as long as it is one line.
 */
export const printable = (text: string): string =>
  text.replaceAll(unprintable, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The same of several lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

const nothing = /[\p{M}\u200b-\u200d\u2060\ufeff]/u;
/** East Asian wide and full-width characters, and the emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Columns of a terminal that printable text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += nothing.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return columns;
}

/** As much of printable text as fits into so many columns. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let left = columns - 1;
  for (const character of text) {
    left -= columnsOf(character);
    if (left < 0) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : '';
}
