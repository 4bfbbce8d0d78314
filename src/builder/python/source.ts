/** How a file comes by a name that is known all over it. */
export type Origin = 'defined' | 'imported';

/** What a Python file has to serve: `app` or `application`, or a class `handler`. Null: neither. */
export function servedBy(source: string): Origin | null {
  let imported: Origin | null = null;
  for (const statement of topLevelStatements(source)) {
    if (defines(statement)) return 'defined';
    if (importsName(statement)) imported = 'imported';
  }
  return imported;
}

const frameworks =
  'fastapi|flask|django|starlette|quart|litestar|sanic|falcon|bottle|aiohttp|connexion|robyn|blacksheep|pyramid|tornado|channels|asgiref|werkzeug|cherrypy|dash|gradio|mcp|fastmcp|http\\.server|wsgiref';
const mentionsFramework = new RegExp(`^\\s*(?:from|import)\\s+(?:${frameworks})\\b`, 'm');
const mentionsInterface = /\b(?:environ\s*,\s*start_response|scope\s*,\s*receive\s*,\s*send|BaseHTTPRequestHandler)\b/;

/** Where something else is served too: a command line's `app` is none of the web's. */
export const looksLikeWeb = (source: string): boolean =>
  mentionsFramework.test(source) || mentionsInterface.test(source);

const names = '(?:app|application|handler|Handler)';
const assigned = /^(?:app|application)\s*(?::[^=]+)?=(?!=)/;
/** A logging handler is often called so; what serves is a class. */
const assignedHandler = /^[hH]andler\s*=\s*[\w.]+\s*$/;
const declared = /^(?:(?:async\s+)?def\s+(?:app|application)|class\s+(?:app|application|handler|Handler))\b/;

const defines = (statement: string): boolean =>
  assigned.test(statement) || assignedHandler.test(statement) || declared.test(statement);

const fromImport = /^from\s+[\w.]+\s+import\s+\(?([^)]*)\)?/;
const importAs = new RegExp(`^import\\s+.*\\bas\\s+${names}\\s*(?:,|$)`);
const oneName = new RegExp(`^(?:${names}|\\w+\\s+as\\s+${names})$`);

function importsName(statement: string): boolean {
  if (importAs.test(statement)) return true;
  const list = fromImport.exec(statement)?.[1];
  return list?.split(',').some((each) => oneName.test(each.trim())) ?? false;
}

/** Of one character each; what a string, a comment or a bracket spans is skipped with it. */
const token =
  /("""|''')(?:\\[\s\S]|(?!\1)[\s\S])*(?:\1|$)|"(?:\\[\s\S]|[^"\\\n])*(?:"|$|(?=\n))|'(?:\\[\s\S]|[^'\\\n])*(?:'|$|(?=\n))|#[^\n]*|\\\r?\n|[()[\]{}\n]|[^"'#\\()[\]{}\n]+|[\s\S]/g;

/**
 * Statements that begin in the first column, without comments and the content of strings. Nothing is run, and no interpreter is
 * asked: this is how a project is recognised, before anything of it is known.
 */
function topLevelStatements(source: string): string[] {
  const statements: string[] = [];
  let line = '';
  let depth = 0;
  for (const [text, quotes] of source.matchAll(token)) {
    if (text === '\n' && depth === 0) {
      if (/^[A-Za-z_]/.test(line)) statements.push(line.trimEnd());
      line = '';
    } else if (quotes !== undefined || text.startsWith('"') || text.startsWith("'")) line += '""';
    else if (text.startsWith('#')) continue;
    else if (/^(?:\\\r?)?\n$/.test(text)) line += ' ';
    else {
      if ('([{'.includes(text)) depth += 1;
      else if (')]}'.includes(text)) depth = Math.max(0, depth - 1);
      line += text;
    }
  }
  if (/^[A-Za-z_]/.test(line)) statements.push(line.trimEnd());
  return statements;
}
