import { open } from 'node:fs/promises';
import { limits } from '../../base/limits.ts';
import type { Exchange, Invoker, RequestHead } from '../../model/invoke.ts';
import { SourceExchange, sourceFailed, type Sourced, sourceOf, tooLarge } from '../images/source.ts';
import type { StaticFile } from '../files.ts';
import { Walk } from '../routing/walk.ts';
import type { Step } from '../routing/step.ts';
import type { Passing } from './passage.ts';
import type { There } from './there.ts';

/** Where an image comes from that is the deployment's own. */
export interface OwnImages {
  readonly invoker: Invoker;
  /** Answers with a page that is kept. */
  page(there: There & { kind: 'prerender' }, head: RequestHead, exchange: Exchange): void;
}

/** Headers of a client's that are about itself, or about the answer that it asked for: an image is for all. */
const personal = /^(?:cookie|authorization|accept.*|if-.*|range|content-.*)$/i;

/**
 * The deployment's own answer for `path` (with its query), as every client would get it: its middleware is not asked, and
 * what names a client does not go along. Never rejects.
 */
export async function ownImage(own: OwnImages, passing: Passing, path: string): Promise<Sourced> {
  const { head, site, table, host, environment } = passing;
  const [plain = '', query = ''] = path.split('?', 2);
  const headers = head.headers.filter((_, at) => !personal.test(head.headers[at - (at % 2)]!));
  const request = { method: 'GET', host, path: plain, query, header: () => undefined };
  const walk = new Walk(table, request, site.there, environment);
  let step: Step = walk.next();
  while (step.kind === 'middleware') step = walk.resume({ status: 200, headers: ['x-middleware-next', '1'] });
  const there = step.kind === 'output' ? site.there.get(step.output) : null;
  if (step.kind !== 'output' || there === null) return notThere(path);
  if (there.kind === 'file') return readImage(there.file, path);
  if (there.kind === 'image') return sourceFailed('INVALID_IMAGE_OPTIMIZE_REQUEST', 'The image is an optimised one.');
  const exchange = new SourceExchange();
  const matched = ['x-matched-path', step.matchedPath];
  const asked = { ...head, method: 'GET', target: step.target, hasBody: false, headers: [...headers, ...matched] };
  if (there.kind === 'prerender') own.page(there, asked, exchange);
  else own.invoker.invoke(there.spec, { ...asked, route: there.pattern }, exchange);
  return exchange.sourced;
}

const notThere = (path: string): Sourced =>
  sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED', `There is no ${path}.`);

async function readImage({ file }: StaticFile, path: string): Promise<Sourced> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return notThere(path);
  try {
    if ((await handle.stat()).size > limits.imageBytes) return tooLarge;
    const bytes = await handle.readFile();
    return sourceOf([bytes], bytes.length, '');
  } catch {
    return notThere(path);
  } finally {
    await handle.close();
  }
}
