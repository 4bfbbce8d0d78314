import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ApiError } from '../../api/errors.ts';

/** Those that list the files of a deployment are long. */
const longPaths: ReadonlySet<string> = new Set(['/v1/projects/:project/deployments']);

/** Throws ApiError: too large, of another type, or no JSON. No body at all is an empty object. */
export async function readJson(incoming: IncomingMessage, path: string, clock: Clock): Promise<unknown> {
  const most = longPaths.has(path) ? limits.apiManifestBytes : limits.apiBodyBytes;
  const type = incoming.headers['content-type'];
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (Number(incoming.headers['content-length']) > most) throw tooLarge(most);
  for await (const chunk of paced(incoming, clock)) {
    bytes += chunk.length;
    if (bytes > most) throw tooLarge(most);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  if (type === undefined || !/^application\/json[ \t]*(?:;|$)/i.test(type))
    throw new ApiError('UNSUPPORTED_BODY', 'The body has to be application/json.');
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new ApiError('INVALID_REQUEST', `The body is no JSON: ${(error as Error).message}`);
  }
}

const tooLarge = (most: number): ApiError => new ApiError('BODY_TOO_LARGE', `The body may have ${most} bytes.`);

/**
 * The body as it comes, at the pace of whoever takes it. Throws ApiError before the first byte when it is announced to be more
 * than a blob may have; ends with an error when nothing comes for limits.apiStallMs, or the client leaves.
 */
export async function* readBytes(incoming: IncomingMessage, clock: Clock): AsyncGenerator<Uint8Array> {
  if (Number(incoming.headers['content-length']) > limits.blobBytes)
    throw new ApiError('BLOB_TOO_LARGE', `A file may have ${limits.blobBytes} bytes.`);
  yield* paced(incoming, clock);
}

/** Who leaves off in the middle leaves the rest where it is: the server sees to it once it has answered. */
async function* paced(incoming: IncomingMessage, clock: Clock): AsyncGenerator<Uint8Array> {
  const stall = () => clock.after(limits.apiStallMs, () => incoming.destroy());
  let timer = stall();
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      timer.cancel();
      yield chunk as Uint8Array;
      timer = stall();
    }
  } finally {
    timer.cancel();
  }
}
