import type { Failure } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Exchange, Invocation } from '../../model/invoke.ts';
import { headerOf } from '../prerender/fields.ts';

/** An image as it was found. */
export interface SourceImage {
  readonly bytes: Buffer;
  /** What was said of it, '' for nothing. */
  readonly cacheControl: string;
}

export type Sourced =
  | { readonly kind: 'image'; readonly image: SourceImage }
  | { readonly kind: 'failed'; readonly failure: Failure };

export const sourceFailed = (code: Failure['code'], detail: string): Sourced => ({
  kind: 'failed',
  failure: { code, detail },
});

/** What an answer of this status means for the image. Null: it is there. */
export function refusedStatus(status: number): Sourced | null {
  if (status >= 200 && status < 300 && status !== 204) return null;
  const code =
    status === 401 || status === 403
      ? 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_UNAUTHORIZED'
      : 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED';
  return sourceFailed(code, `The image was answered with ${status}.`);
}

/** Collects the deployment's own answer for a path: in place of a client. */
export class SourceExchange implements Exchange {
  readonly #settled = Promise.withResolvers<Sourced>();
  #status = 0;
  #headers: readonly string[] = [];
  #pieces: Buffer[] = [];
  #bytes = 0;
  #invocation: Invocation | null = null;
  #over = false;
  /** It was over before the invocation was. */
  #gaveUp = false;

  /** Resolves when all of it is there, or it is known that it will not be. */
  get sourced(): Promise<Sourced> {
    return this.#settled.promise;
  }

  /** Who answers: when it is known before that how it ends, it is cancelled. */
  started(invocation: Invocation): void {
    this.#invocation = invocation;
    if (this.#gaveUp) invocation.cancel();
  }

  /** It ends with this, whatever is still to come. */
  giveUp(sourced: Sourced): void {
    if (this.#over) return;
    this.#gaveUp = true;
    this.#settle(sourced);
    this.#invocation?.cancel();
  }

  inform(): void {
    // Nobody reads it.
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    this.head(status, headers);
    if (body !== null) this.body(body);
    this.end();
    return true;
  }

  head(status: number, headers: readonly string[]): void {
    this.#status = status;
    this.#headers = headers;
    // Of what is no image the rest is not waited for.
    const refused = refusedStatus(status);
    if (refused !== null) this.giveUp(refused);
  }

  body(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > limits.imageBytes) this.giveUp(tooLarge);
    else this.#pieces.push(Buffer.from(chunk));
    return true;
  }

  end(): void {
    if (this.#over) return;
    this.#settle(
      refusedStatus(this.#status) ??
        sourceOf(this.#pieces, this.#bytes, headerOf(this.#headers, 'cache-control') ?? ''),
    );
  }

  fail({ detail }: Failure): void {
    if (!this.#over) this.#settle(sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED', detail));
  }

  drained(): void {
    // It was asked for without a body.
  }

  #settle(sourced: Sourced): void {
    this.#over = true;
    this.#pieces = [];
    this.#settled.resolve(sourced);
  }
}

export function sourceOf(pieces: readonly Buffer[], bytes: number, cacheControl: string): Sourced {
  if (bytes > limits.imageBytes) return tooLarge;
  if (bytes === 0) return sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID', 'The image is empty.');
  return { kind: 'image', image: { bytes: Buffer.concat(pieces), cacheControl } };
}

export const tooLarge = sourceFailed(
  'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID',
  `The image has more than ${limits.imageBytes} bytes.`,
);
