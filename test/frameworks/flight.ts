/**
 * What React sends with a page of Next.js ("flight") is rows, `1a:…`, which name each other by number. Which row gets which
 * number, comes first, and in which script of the page it is, depends on what was ready first: no two renderings need agree.
 * Here rows are in the order in which the first one leads to them, numbered by it, and in one place. All else stays.
 */

/** A row's number, or none (hints), and what is in it: all there is of that number, in its order. */
type Rows = Map<string, string[]>;

const script = /<script>self\.__next_f\.push\(\[1,("(?:[^"\\]|\\.)*")\]\)<\/script>/g;

/** A page with its rows at its end. */
export function withFlightInOrder(html: string): string {
  let rows = '';
  const page = html.replaceAll(script, (_, text: string) => {
    rows += JSON.parse(text) as string;
    return '';
  });
  return `${page}\n${flightInOrder(rows)}`;
}

/** Rows by themselves: what Next's own client asks for. */
export function flightInOrder(text: string): string {
  const rows = rowsOf(text);
  const hints = rows.get('') ?? [];
  rows.delete('');
  /** In their order; what is read of a row may lead to more. */
  const found: string[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (id: string): number => {
    const number = numbers.get(id) ?? found.push(id) - 1;
    numbers.set(id, number);
    return number;
  };
  // `"$L1a"`, `"$1a:props"`: what kind of reference it is, and what of the row, stays. A text that begins with $ has two.
  const renumbered = (row: string): string =>
    row.replaceAll(/(?<="\$[@LQWKFhi]?)[0-9a-f]+(?=[":])/g, (id) => (rows.has(id) ? `#${numberOf(id)}` : id));
  const lines: string[] = [];
  // What nothing leads to comes last.
  for (const root of ['0', ...rows.keys()]) {
    numberOf(root);
    // A line, of any number of rows, for each number.
    for (let at = lines.length; at < found.length; at += 1) {
      lines.push((rows.get(found[at]!) ?? []).map((row) => `${at}:${renumbered(row)}`).join('\n'));
    }
  }
  return [...hints.toSorted(), ...lines].join('\n');
}

function rowsOf(text: string): Rows {
  const rows: Rows = new Map();
  const header = /([0-9a-f]*):(?:T([0-9a-f]+),)?/y;
  const bytes = Buffer.from(text);
  const latin = bytes.toString('latin1');
  for (let at = 0; at < latin.length;) {
    header.lastIndex = at;
    const found = header.exec(latin);
    if (found === null) throw new Error(`no row of flight: ${latin.slice(at, at + 80)}`);
    const [, id = '', length] = found;
    const start = at + id.length + 1;
    // A long text says its length in bytes; all others end with their line.
    const end = length === undefined ? latin.indexOf('\n', start) : header.lastIndex + Number.parseInt(length, 16);
    if (end < 0 || end > latin.length) throw new Error(`half a row of flight: ${latin.slice(at, at + 80)}`);
    rows.set(id, [...(rows.get(id) ?? []), bytes.subarray(start, end).toString()]);
    at = length === undefined ? end + 1 : end;
  }
  return rows;
}
