import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { FunctionSpec } from '../../model/function.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../../model/invoke.ts';
import type { Chains } from '../chain.ts';
import type { StaticFile } from '../files.ts';
import { chainHeader } from '../head.ts';
import type { ImageSource } from '../images/image-request.ts';
import { SourceExchange, sourceFailed, type Sourced, sourceOf, tooLarge } from '../images/source.ts';
import { targetTooLong, withParameters } from '../match.ts';
import { saidByPlatform } from '../prerender/ask.ts';
import { applyEdits } from '../routing/effects.ts';
import type { Step } from '../routing/step.ts';
import { Walk } from '../routing/walk.ts';
import { MiddlewareExchange } from './middleware.ts';
import type { Passing } from './passage.ts';
import { HeaderFields } from './request-fields.ts';
import type { There } from './there.ts';

/** Where an image comes from that is the deployment's own. */
export interface OwnImages {
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly chains: Chains;
  /** Answers with a page that is kept. */
  page(there: There & { kind: 'prerender' }, head: RequestHead, exchange: Exchange): Invocation;
}

/**
 * The deployment's own answer for `path` (with its query), as a client without a name would get it: an image that is kept
 * is for all who ask under the same host. So middleware is asked as well, and what it refuses is no image for anybody. Of
 * the client's headers none goes along; its host does, since what is at a path may depend on it.
 */
export function ownImage(own: OwnImages, passing: Passing, path: string): ImageSource {
  const { host, site } = passing;
  const asking = new Asking(own, passing, path);
  const { first, plain } = asking;
  const load = (): Promise<Sourced> => asking.load();
  // A file is the same whatever the query is, and whichever host it was found by.
  if (first.kind === 'output' && site.there.get(first.output, first.path)?.kind === 'file')
    return { key: `file ${first.output}\n${plain}`, address: plain, load };
  return { key: `host ${host.toLowerCase()}\n${path}`, address: path, load };
}

class Asking {
  readonly plain: string;
  /** Where its way through the routing table leads first. */
  readonly first: Step;
  readonly #own: OwnImages;
  readonly #passing: Passing;
  readonly #path: string;
  readonly #headers: readonly string[];
  readonly #walk: Walk;
  readonly #exchange = new SourceExchange();

  constructor(own: OwnImages, passing: Passing, path: string) {
    const { head, site, table, host } = passing;
    const [plain = '', ...rest] = path.split('?');
    this.plain = plain;
    this.#own = own;
    this.#passing = passing;
    this.#path = path;
    this.#headers = plainHeaders(head.headers, host);
    const fields = new HeaderFields(this.#headers);
    const header = (name: string): string | undefined => fields.get(name);
    const request = { method: 'GET', host, path: plain, query: rest.join('?'), header };
    this.#walk = new Walk(table, request, site.there, site.environment);
    this.first = this.#walk.next();
  }

  /** Once. Takes limits.imageFetchMs at most. Never rejects. */
  async load(): Promise<Sourced> {
    const exchange = this.#exchange;
    const timer = this.#own.clock.after(limits.imageFetchMs, () => {
      exchange.giveUp(failed(`${this.#path} did not answer in time.`));
    });
    this.#take(this.first);
    const sourced = await exchange.sourced;
    timer.cancel();
    return sourced;
  }

  #take(step: Step): void {
    try {
      if (step.kind === 'middleware') this.#middleware(step);
      else if (step.kind === 'output') this.#output(step);
      else this.#exchange.giveUp(failed(`There is no image at ${this.#path}.`));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#exchange.giveUp(failed(`${this.#path} could not be asked for: ${why}`));
    }
  }

  #middleware({ output, target, requestEdits }: Step & { kind: 'middleware' }): void {
    const there = this.#passing.site.there.get(output);
    if (there?.kind !== 'function') {
      this.#exchange.giveUp(failed(`There is no function ${output}.`));
      return;
    }
    const headers = this.#chained(there.spec, applyEdits(this.#headers, requestEdits));
    if (headers === null) return;
    const exchange = new MiddlewareExchange({
      answered: (status, answer) => {
        const step = this.#walk.resume({ status, headers: answer });
        if (step.kind === 'answer') return this.#exchange;
        this.#take(step);
        return null;
      },
      failed: (failure) => this.#exchange.fail(failure),
    });
    const invocation = this.#own.invoker.invoke(there.spec, this.#asked(there.pattern, target, headers), exchange);
    exchange.started(invocation);
    if (exchange.phase === 'asked' || exchange.phase === 'answering') this.#exchange.started(invocation);
  }

  #output({ output, path, target, matchedPath, routeMatches, effects }: Step & { kind: 'output' }): void {
    const there = this.#passing.site.there.get(output, path);
    if (there?.kind === 'file') {
      void readImage(there.file, this.#path).then((sourced) => this.#exchange.giveUp(sourced));
      return;
    }
    if (there?.kind !== 'function' && there?.kind !== 'prerender') {
      this.#exchange.giveUp(failed(`There is no image at ${this.#path}.`));
      return;
    }
    const headers = this.#chained(there.spec, applyEdits(this.#headers, effects.requestEdits));
    if (headers === null) return;
    headers.push('x-matched-path', matchedPath);
    if (routeMatches !== null) headers.push('x-now-route-matches', routeMatches);
    const whole = there.kind === 'function' ? withParameters(target, there.parameters) : target;
    if (whole.length > 2 * limits.urlBytes) {
      this.#exchange.giveUp({ kind: 'failed', failure: targetTooLong });
      return;
    }
    const asked = this.#asked(there.kind === 'function' ? there.pattern : `/${there.path}`, whole, headers);
    this.#exchange.started(
      there.kind === 'function'
        ? this.#own.invoker.invoke(there.spec, asked, this.#exchange)
        : this.#own.page(there, asked, this.#exchange),
    );
  }

  #asked(route: string, target: string, headers: readonly string[]): RequestHead {
    const { id } = this.#passing.head;
    return { id, method: 'GET', target, headers, hasBody: false, upgrade: false, route };
  }

  /** As Passage does. Null: it leads to itself. */
  #chained(spec: FunctionSpec, headers: readonly string[]): string[] | null {
    const { chain } = this.#passing;
    if (chain === '') return [...headers];
    const link = this.#own.chains.extend(chain, spec);
    if (link.kind === 'goes on') return [...headers, chainHeader, link.header];
    this.#exchange.giveUp({ kind: 'failed', failure: link.refusal });
    return null;
  }
}

const failed = (detail: string): Sourced => sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED', detail);

/** What is left of a client's headers when it has no name. */
function plainHeaders(headers: readonly string[], host: string): readonly string[] {
  const kept = ['Host', host, 'X-Forwarded-Host', host];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (saidByPlatform.has(name) && name !== chainHeader) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

async function readImage({ file }: StaticFile, path: string): Promise<Sourced> {
  // As src/edge/static.ts does: a link, or a pipe, that has taken the place of the file is not opened.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (handle === null) return failed(`There is no ${path}.`);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return failed(`${path} is no file.`);
    if (stat.size > limits.imageBytes) return tooLarge;
    const bytes = await handle.readFile();
    return sourceOf([bytes], bytes.length, '');
  } catch {
    return failed(`${path} cannot be read.`);
  } finally {
    await handle.close();
  }
}
