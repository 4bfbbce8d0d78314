// Pure: partial prerendering. What is kept of such a page is its beginning, and the state from which the rest is rendered.

/** How the bytes of a kept answer divide: first the state, then what every client gets. */
export interface Shell {
  readonly stateBytes: number;
  /** The media type of what the client gets. */
  readonly type: string;
}

const form = /^application\/x-nextjs-pre-render\s*;\s*state-length=(\d{1,10})\s*;\s*origin=("(?:[^"\\]|\\.)*")\s*$/i;

/** Null: `contentType` says nothing of a state. */
function declared(contentType: string): { readonly length: number; readonly type: string } | null {
  const found = form.exec(contentType);
  if (found === null) return null;
  try {
    return { length: Number(found[1]), type: String(JSON.parse(found[2]!)) };
  } catch {
    return null;
  }
}

export const isShellType = (contentType: string): boolean => declared(contentType) !== null;

/**
 * `application/x-nextjs-pre-render; state-length=N; origin="TYPE"`, as @vercel/next and Next.js' adapter write it over a file
 * of state and document. N counts bytes; but the adapter counts characters (UTF-16), which is another number when the state
 * has letters beyond ASCII. It is told by where the document begins, or the file ends. Null: it is no such answer.
 */
export function readShell(contentType: string, body: Buffer): Shell | null {
  const said = declared(contentType);
  if (said === null || said.length > body.length) return null;
  const stateBytes = beginsAt(body, said.length, said.type) ? said.length : charactersToBytes(body, said);
  return { stateBytes, type: said.type };
}

const lessThan = 0x3c;

/** A document begins with a tag; any other type follows a state that a file holds alone. */
const beginsAt = (body: Buffer, at: number, type: string): boolean =>
  at === body.length || (type.startsWith('text/html') && body[at] === lessThan);

function charactersToBytes(body: Buffer, { length, type }: { length: number; type: string }): number {
  const text = body.toString('utf8');
  const bytes = Buffer.byteLength(text.slice(0, length), 'utf8');
  return beginsAt(body, bytes, type) ? bytes : length;
}
