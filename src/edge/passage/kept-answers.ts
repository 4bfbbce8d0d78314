import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../../model/invoke.ts';
import type { Chains } from '../chain.ts';
import { fetchSource } from '../images/fetch-source.ts';
import { ImagePages } from '../images/image-pages.ts';
import type { Sourced } from '../images/source.ts';
import { Pages } from '../prerender/pages.ts';
import { tagScope } from '../prerender/purge.ts';
import type { Shelf } from '../prerender/shelf.ts';
import type { PageStore } from '../prerender/store.ts';
import { unfitBy } from '../prerender/unfit.ts';
import type { Site } from '../site.ts';
import { matchesAny } from './bypass.ts';
import { ownImage } from './own-image.ts';
import type { Passing } from './passage.ts';
import type { There } from './there.ts';

export interface KeptAnswersOptions {
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: PageStore;
  readonly chains: Chains;
  /** For invocations that no client asked for. */
  nextId(): string;
}

/** Answers that are kept, of all deployments: pages, and images that were made smaller. */
export class KeptAnswers {
  readonly #options: KeptAnswersOptions;
  readonly #pages: Pages;
  readonly #images: ImagePages;
  /** To find one by its fingerprint takes a hash. */
  readonly #shelves = new WeakMap<Site, Shelf>();

  constructor(options: KeptAnswersOptions) {
    const { invoker, clock, log, chains } = options;
    this.#options = options;
    this.#pages = new Pages({ invoker, clock, log, chains, nextId: () => options.nextId(), matches: matchesAny });
    this.#images = new ImagePages({ clock, log });
  }

  /** Those of deployments that are served no more are removed. */
  retain(sites: readonly Site[]): void {
    void this.#options.store.retain(sites.map(({ deployment }) => deployment.fingerprint));
  }

  /** As an Invoker would. `head`: as it would go to the function. */
  page(site: Site, there: There & { kind: 'prerender' }, head: RequestHead, exchange: Exchange): Invocation {
    const { spec, path: output, prerender } = there;
    const chained = prerender.chain === null ? null : site.there.get(prerender.chain.outputPath.replace(/^\//, ''));
    const chain = chained?.kind === 'function' || chained?.kind === 'prerender' ? chained.spec : null;
    const unfit = unfitBy(site.deployment.routing?.afterCacheBypass ?? []);
    const ask = { shelf: this.#shelf(site), page: prerender, output, spec, chain, head, unfit, host: site.url };
    return this.#pages.answer(ask, exchange);
  }

  /** The same for `/_vercel/image`. */
  image(passing: Passing, head: RequestHead, exchange: Exchange): Invocation {
    const { site } = passing;
    const { invoker, clock, chains } = this.#options;
    const page = (there: There & { kind: 'prerender' }, asked: RequestHead, to: Exchange): Invocation =>
      this.page(site, there, asked, to);
    const own = { invoker, clock, chains, page };
    return this.#images.answer(
      {
        shelf: this.#shelf(site),
        images: site.deployment.routing!.images!,
        head,
        local: (path) => ownImage(own, passing, path),
        fetch: (url) => this.#fetch(passing, url),
      },
      exchange,
    );
  }

  /** The other origin may be one of ours, and lead here again. */
  async #fetch({ chain, site }: Passing, url: URL): Promise<Sourced> {
    const { clock, chains } = this.#options;
    const { environment, project } = site.deployment;
    const from = { environment, label: `${project} (images)` };
    const link = chain === '' ? null : chains.extend(chain, from);
    if (link?.kind === 'loop') return { kind: 'failed', failure: link.refusal };
    return fetchSource(url, { clock, privateAllowed: false, chain: link?.header ?? '' });
  }

  #shelf(site: Site): Shelf {
    let shelf = this.#shelves.get(site);
    if (shelf === undefined || shelf.closed) {
      const { deployment } = site;
      shelf = this.#options.store.shelf(deployment.fingerprint, tagScope(deployment));
      this.#shelves.set(site, shelf);
    }
    return shelf;
  }
}
