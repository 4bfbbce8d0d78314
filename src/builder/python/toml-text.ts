/**
 * The value of `key = "text"` in `[table]` of a TOML file; null: there is none that is written so. It is for recognising a project
 * before any interpreter is asked; lists and inline tables are read by one (`packages.ts`).
 */
export function tomlText(text: string, table: string, key: string): string | null {
  let current = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*([\w.\-"' ]+?)\s*\]\s*(?:#.*)?$/.exec(line)?.[1];
    if (header !== undefined) current = header.replaceAll(/["' ]/g, '');
    else if (/^\s*\[\[/.test(line)) current = '';
    else if (current === table) {
      const found = /^\s*["']?([\w-]+)["']?\s*=\s*(?:"((?:[^"\\])*)"|'([^']*)')\s*(?:#.*)?$/.exec(line);
      if (found?.[1] === key) return found[2] ?? found[3] ?? null;
    }
  }
  return null;
}
