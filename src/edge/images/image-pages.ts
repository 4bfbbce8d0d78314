import type { Clock } from '../../base/clock.ts';
import type { Failure } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';
import type { Images } from '../../model/routing.ts';
import { parseCacheControl } from '../prerender/cache-control.ts';
import { Failures } from '../prerender/failures.ts';
import { headerList } from '../prerender/fields.ts';
import { answered, Handle } from '../prerender/follower.ts';
import type { CacheWord, KeptPage } from '../prerender/kept.ts';
import { queryOf } from '../prerender/key.ts';
import type { HotPage, Shelf } from '../prerender/shelf.ts';
import { sendPage, showPage } from '../prerender/show.ts';
import { contentTag } from '../prerender/verdict.ts';
import { Gate } from './gate.ts';
import { imageKey, imageTag, imageTagOf, parseImageRequest } from './image-request.ts';
import type { ImageRequest, ImageSource } from './image-request.ts';
import { imageHeaders, optimise } from './optimise.ts';
import type { Sourced } from './source.ts';

export interface ImageAsk {
  /** Of the deployment: its images are kept beside its pages. */
  readonly shelf: Shelf;
  readonly images: Images;
  /** The client's request; its target has the query. */
  readonly head: RequestHead;
  /** The deployment's own answer for a path with its query. */
  local(path: string): ImageSource;
  /** The image of another origin (fetchSource). Never rejects. */
  fetch(url: URL): Promise<Sourced>;
}

type Made = { readonly kind: 'made'; readonly page: KeptPage } | { readonly kind: 'failed'; readonly failure: Failure };

interface Asked {
  readonly ask: ImageAsk;
  readonly request: ImageRequest;
  readonly source: ImageSource;
  readonly key: string;
}

/** Answers `/_vercel/image` and `/_next/image`: images in the size and form that a client has use for, made once and kept. */
export class ImagePages {
  readonly #clock: Clock;
  readonly #log: Log;
  /** All of an image is in memory from when it is fetched. */
  readonly #sources = new Gate({
    inside: limits.imageSources,
    insideOfOne: limits.imageSourcesOfOne,
    waiting: limits.imagesWaiting,
    waitingOfOne: limits.imagesWaitingOfOne,
  });
  readonly #work = new Gate({
    inside: limits.imagesAtOnce,
    insideOfOne: limits.imagesAtOnce,
    waiting: limits.imageSources,
    waitingOfOne: limits.imageSources,
  });
  /** What is being made, for all who wait for it. */
  readonly #making = new WeakMap<Shelf, Map<string, Promise<Made>>>();
  readonly #failures = new WeakMap<Shelf, Failures>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** As an Invoker would. */
  answer(ask: ImageAsk, exchange: Exchange): Invocation {
    const { head, images } = ask;
    if (head.method !== 'GET' && head.method !== 'HEAD') {
      exchange.fail({ code: 'INVALID_REQUEST_METHOD', detail: 'An image is there to be read.' });
      return answered;
    }
    const parsed = parseImageRequest(images, queryOf(head.target), headerList(head.headers, 'accept'));
    if (!parsed.ok) {
      exchange.fail({ code: 'INVALID_IMAGE_OPTIMIZE_REQUEST', detail: parsed.why });
      return answered;
    }
    const { request } = parsed;
    const source = sourceOf(ask, request);
    const asked: Asked = { ask, request, source, key: imageKey(request, source.key) };
    const hot = ask.shelf.hot(asked.key);
    const shown = hot === null ? null : this.#shows(asked, hot, exchange);
    if (shown !== null) return shown;
    const handle = new Handle();
    void this.#answerLater(asked, exchange, handle);
    return handle;
  }

  async #answerLater(asked: Asked, exchange: Exchange, handle: Handle): Promise<void> {
    const { ask, key } = asked;
    const kept = await ask.shelf.load(key);
    if (handle.gone) return;
    const shown = kept === null ? null : this.#shows(asked, kept, exchange);
    if (shown !== null) {
      handle.lead(shown);
      return;
    }
    const deleted = kept !== null && ask.shelf.freshness(kept, this.#clock.wallMs()) === 'deleted';
    const made = await this.#make(asked);
    if (handle.gone) return;
    if (made.kind === 'failed') exchange.fail(made.failure);
    else handle.lead(this.#show(asked, made.page, exchange, deleted ? 'REVALIDATED' : 'MISS'));
  }

  /** Null: it may not be shown. */
  #shows(asked: Asked, hot: HotPage, exchange: Exchange): Invocation | null {
    const freshness = asked.ask.shelf.freshness(hot, this.#clock.wallMs());
    if (freshness === 'expired' || freshness === 'deleted') return null;
    if (freshness === 'stale') this.#refresh(asked);
    return this.#show(asked, hot.page, exchange, freshness === 'stale' ? 'STALE' : 'HIT');
  }

  #show({ ask }: Asked, page: KeptPage, exchange: Exchange, word: CacheWord): Invocation {
    const { shelf, head } = ask;
    const shown = { word, nowMs: this.#clock.wallMs() };
    if (!shelf.isSmall(page)) {
      const sending = sendPage(page, exchange, shown, { head, held: shelf.held });
      if (sending === null) exchange.fail(tooManyHeld);
      return sending ?? answered;
    }
    showPage(page, exchange, shown, head.headers);
    return answered;
  }

  /** In the background. */
  #refresh(asked: Asked): void {
    const failures = this.#failuresOf(asked.ask.shelf);
    if (failures.paused(asked.key, this.#clock.nowMs())) return;
    void this.#make(asked);
  }

  /** One for all who ask meanwhile. Never rejects. */
  #make(asked: Asked): Promise<Made> {
    const { ask, key } = asked;
    let making = this.#making.get(ask.shelf);
    if (making === undefined) this.#making.set(ask.shelf, (making = new Map()));
    const underWay = making.get(key);
    if (underWay !== undefined) return underWay;
    const made = this.#makeNow(asked)
      .catch((error: unknown): Made => {
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#log.error('an image could not be made', { why });
        return { kind: 'failed', failure: { code: 'INTERNAL_OPTIMIZED_IMAGE_REQUEST_FAILED', detail: '' } };
      })
      .finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  async #makeNow(asked: Asked): Promise<Made> {
    const { ask, request, key } = asked;
    const askedMs = this.#clock.wallMs();
    const failures = this.#failuresOf(ask.shelf);
    const through = await this.#sources.through(ask.shelf, () => this.#draw(asked, askedMs));
    const made = through?.value ?? tooMany;
    if (made.kind === 'failed') {
      failures.failed(key, this.#clock.nowMs());
      this.#log.warn('an image could not be optimised', {
        code: made.failure.code,
        detail: made.failure.detail,
        width: request.width,
      });
    } else {
      failures.made(key);
      ask.shelf.put(key, made.page);
    }
    return made;
  }

  async #draw({ ask, request, source }: Asked, askedMs: number): Promise<Made> {
    const sourced = await source.load();
    if (sourced.kind === 'failed') return sourced;
    const { image } = sourced;
    const worked = await this.#work.through(ask.shelf, () => optimise(image, request, ask.images));
    const optimised = worked?.value ?? tooMany;
    if (optimised.kind === 'failed') return optimised;
    const { bytes, type } = optimised;
    const entityTag = contentTag(bytes);
    const page: KeptPage = {
      status: 200,
      headers: [...imageHeaders(request, type, image, ask.images), 'ETag', entityTag],
      body: bytes,
      stateBytes: -1,
      askedMs,
      freshUntilMs: askedMs + freshMs(image.cacheControl, ask.images.minimumCacheTtlS),
      staleUntilMs: Infinity,
      tags: [...new Set([imageTagOf(request), imageTag(source.address)])],
      group: null,
      built: false,
      entityTag,
    };
    return { kind: 'made', page };
  }

  #failuresOf(shelf: Shelf): Failures {
    let failures = this.#failures.get(shelf);
    if (failures === undefined) this.#failures.set(shelf, (failures = new Failures()));
    return failures;
  }
}

function sourceOf(ask: ImageAsk, { source }: ImageRequest): ImageSource {
  if (source.kind === 'local') return ask.local(source.path);
  const { url } = source;
  return { key: url.href, address: url.href, load: () => ask.fetch(url) };
}

const tooManyHeld: Failure = {
  code: 'INTERNAL_OPTIMIZED_IMAGE_REQUEST_FAILED',
  detail: 'Clients that are slow are being sent too many images.',
  retryAfterS: 1,
};

const tooMany = {
  kind: 'failed',
  failure: {
    code: 'INTERNAL_OPTIMIZED_IMAGE_REQUEST_FAILED',
    detail: 'Too many images wait to be optimised.',
    retryAfterS: 1,
  },
} as const satisfies Made;

/** As long as the image's own answer says, but not less than the deployment does. */
function freshMs(cacheControl: string, leastS: number): number {
  const { sharedMaxAgeS, maxAgeS } = parseCacheControl(cacheControl);
  return Math.min(Math.max(sharedMaxAgeS ?? maxAgeS ?? 0, leastS) * 1000, limits.imageFreshMaxMs);
}
