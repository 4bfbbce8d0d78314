/**
 * fetch() decodes a compressed body, and its Response goes on saying how the body was compressed (the Fetch standard has
 * it so). A function that passes such a Response on would send plain bytes under a wrong name and length; so whatever was
 * decoded is noted, and what is made of it, and the two headers are left out when it is sent. Looking at them inside the
 * function shows what the other server said.
 */

/** Responses, their bodies and their headers: what such a body was made of, or what describes one. */
const decoded = new WeakSet<object>();
/** Streams that were compressed again, by the function itself: they are what their headers say. */
const encoded = new WeakSet<object>();

/** Those that fetch() decodes; it leaves a body as it is when it does not know one of its codings. */
const codings = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);

const isDecodable = (value: string): boolean =>
  value.split(',').every((coding) => codings.has(coding.trim().toLowerCase()));

const has = (set: WeakSet<object>, value: unknown): boolean =>
  typeof value === 'object' && value !== null && set.has(value);

/** What fetch() answered. */
export function noteFetched(response: Response): Response {
  const coding = response.headers.get('content-encoding');
  if (coding !== null && response.body !== null && isDecodable(coding)) mark(response);
  return response;
}

/** What `new Response(body, init)` made: of a decoded body, or with the headers of one. */
export function noteMade(made: Response, body: unknown, init: unknown): Response {
  if (has(encoded, body)) return made;
  const headers = typeof init === 'object' && init !== null ? (init as ResponseInit).headers : undefined;
  if (has(decoded, body) || has(decoded, headers)) mark(made);
  return made;
}

function mark(response: Response): void {
  decoded.add(response);
  decoded.add(response.headers);
  if (response.body !== null) markStream(response.body);
  own(response, 'clone', (clone: () => Response) => {
    const cloned = clone();
    mark(cloned);
    // A clone leaves its original with another stream.
    if (response.body !== null) markStream(response.body);
    return cloned;
  });
}

/** What is made of the stream carries its mark; compressing it takes the mark away. */
function markStream(stream: ReadableStream): void {
  if (decoded.has(stream)) return;
  decoded.add(stream);
  own(stream, 'pipeThrough', (pipeThrough: (...args: unknown[]) => ReadableStream, ...args: unknown[]) => {
    const result = pipeThrough(...args);
    if (args[0] instanceof CompressionStream) encoded.add(result);
    else markStream(result);
    return result;
  });
  own(stream, 'tee', (tee: () => ReadableStream[]) => {
    const branches = tee();
    for (const branch of branches) markStream(branch);
    return branches;
  });
}

/** Replaces a method of one object; the replacement gets the method it stands for. */
function own(owner: object, name: string, value: (method: never, ...args: unknown[]) => unknown): void {
  const method = (Reflect.get(owner, name) as (...args: unknown[]) => unknown).bind(owner);
  const replacement = (...args: unknown[]): unknown => value(method as never, ...args);
  Object.defineProperty(owner, name, { value: replacement, configurable: true, enumerable: false, writable: true });
}

/** Other implementations of fetch decode as well; what they answer has an address, what is constructed has none. */
const isFetched = (answer: object): boolean => Boolean((answer as Partial<Response>).url);

/** The fields of an answer with a body, without those that described it before it was decoded. */
export function describing(answer: object, fields: readonly string[]): readonly string[] {
  const at = fields.indexOf('content-encoding');
  if (at < 0 || at % 2 === 1 || !isDecodable(fields[at + 1]!)) return fields;
  if (!decoded.has(answer) && !isFetched(answer)) return fields;
  return fields.filter((_, index) => !/^content-(?:encoding|length)$/i.test(fields[index & ~1]!));
}
