/**
 * fetch() decodes a compressed body, and its Response goes on saying how the body was compressed (the Fetch standard has
 * it so). A function that passes such a Response on would send plain bytes under a wrong name and length; so whatever was
 * decoded is noted, and what is made of it, and the two headers are left out when it is sent. Looking at them inside the
 * function shows what the other server said.
 */

/** Responses, their bodies (streams, and the bytes that were read of them) and their headers: what such a body was made of, or what describes one. */
const decoded = new WeakSet<object>();
/** Streams that were compressed again, by the function itself: they are what their headers say. */
const encoded = new WeakSet<object>();

/** Responses with the headers of a decoded one and a body that the function compressed: the length is another. */
const compressedAnew = new WeakSet<object>();

/** Node 22's fetch() has an undici that does not know zstd yet. */
const decodesZstd = Number.parseInt(process.versions['undici'] ?? '0', 10) >= 7;

/** Those that fetch() decodes; it leaves a body as it is when it does not know one of its codings. */
export const codings: ReadonlySet<string> = new Set(
  decodesZstd ? ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'] : ['gzip', 'x-gzip', 'deflate', 'br'],
);

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
  const headers = typeof init === 'object' && init !== null ? (init as ResponseInit).headers : undefined;
  if (has(decoded, body) || isBufferOfDecoded(body)) mark(made);
  else if (has(decoded, headers)) {
    if (has(encoded, body) || mayBeEncoded(made, body)) compressedAnew.add(made);
    else mark(made);
  }
  return made;
}

const isBufferOfDecoded = (body: unknown): boolean => ArrayBuffer.isView(body) && decoded.has(body.buffer);

/** How bytes begin in the codings that can be told by it; `deflate` is zlib's format (its header is a multiple of 31). */
const beginnings: Readonly<Record<string, (bytes: Uint8Array) => boolean>> = {
  gzip: ([a, b]) => a === 0x1f && b === 0x8b,
  'x-gzip': ([a, b]) => a === 0x1f && b === 0x8b,
  zstd: ([a, b, c, d]) => a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd,
  deflate: ([a = 0, b = 0]) => (a & 0x0f) === 8 && (a * 256 + b) % 31 === 0,
};

/**
 * Bytes that are sent with the headers of a decoded Response may have been compressed again by the function. Where it
 * cannot be seen (Brotli has no mark, a Blob is not read here), they are what their headers say.
 */
function mayBeEncoded(made: Response, body: unknown): boolean {
  if (body instanceof Blob) return true;
  const bytes = bytesOf(body);
  if (bytes === null) return false;
  // The last coding is the outermost.
  const coding = made.headers.get('content-encoding')?.split(',').at(-1)?.trim().toLowerCase() ?? '';
  return beginnings[coding]?.(bytes) ?? true;
}

function bytesOf(body: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return body instanceof ArrayBuffer ? new Uint8Array(body) : null;
}

function mark(response: Response): void {
  decoded.add(response);
  decoded.add(response.headers);
  if (response.body !== null) markStream(response.body);
  for (const name of ['bytes', 'arrayBuffer', 'blob']) {
    own(response, name, async (read: () => Promise<object>) => {
      const whole = await read();
      decoded.add(whole);
      return whole;
    });
  }
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
  if (compressedAnew.has(answer)) return without(fields, /^content-length$/i);
  if (!decoded.has(answer) && !isFetched(answer)) return fields;
  return without(fields, /^content-(?:encoding|length)$/i);
}

const without = (fields: readonly string[], names: RegExp): readonly string[] =>
  fields.filter((_, index) => !names.test(fields[index & ~1]!));
