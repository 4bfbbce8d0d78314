import type { DeploymentRecord } from './store/deployment-store.ts';

export interface Place {
  readonly scheme: 'http' | 'https';
  /** Projects are `NAME.DOMAIN`. */
  readonly domain: string;
  /** Of the edge, as clients reach it. */
  port(): number;
}

/** Where things are found. */
export class Addresses {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  get edge(): { scheme: 'http' | 'https'; port: number; domain: string } {
    const { scheme, domain } = this.#place;
    return { scheme, port: this.#place.port(), domain };
  }

  ofProject(name: string): string {
    return `${name}.${this.#place.domain}`;
  }

  /** For good. */
  ofDeployment({ id, project }: Pick<DeploymentRecord, 'id' | 'project'>): string {
    return `${project}-${id.slice('dep_'.length)}.${this.#place.domain}`;
  }

  url(host: string): string {
    const { scheme } = this.#place;
    const port = this.#place.port();
    return `${scheme}://${host}${port === (scheme === 'http' ? 80 : 443) ? '' : `:${port}`}`;
  }

  /** Nobody's: the platform has its own pages there. */
  isOwn(host: string): boolean {
    return host === this.#place.domain || host === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(host);
  }

  /** The project that has a deployment of this address; null: none. */
  ownerOf(host: string, projectOf: (id: string) => string | null): string | null {
    const suffix = `.${this.#place.domain}`;
    if (!host.endsWith(suffix)) return null;
    const label = host.slice(0, -suffix.length);
    const cut = label.lastIndexOf('-');
    const owner = cut === -1 ? null : projectOf(`dep_${label.slice(cut + 1)}`);
    return owner === label.slice(0, cut) ? owner : null;
  }
}
