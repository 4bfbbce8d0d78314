// Pure: which image is asked for, and whether it may be.
import { createHash } from 'node:crypto';
import { limits } from '../../base/limits.ts';
import type { Images, LocalPattern, RemotePattern } from '../../model/routing.ts';
import type { Sourced } from './source.ts';

export type ImageFormat = Images['formats'][number];

export interface ImageRequest {
  /** Where the image is: a path with its query in the same deployment, or an absolute URL. */
  readonly source: { readonly kind: 'local'; readonly path: string } | { readonly kind: 'remote'; readonly url: URL };
  /** Pixels. */
  readonly width: number;
  /** 1 to 100. */
  readonly quality: number;
  /** What the client takes of what is offered; null: the image's own. */
  readonly format: ImageFormat | null;
}

export type ParsedImage =
  | { readonly ok: true; readonly request: ImageRequest }
  /** A sentence for whoever asks. */
  | { readonly ok: false; readonly why: string };

const refuse = (why: string): ParsedImage => ({ ok: false, why });

/** `query`: of `/_vercel/image?url=…&w=…&q=…`. `accept`: the request's field. */
export function parseImageRequest(images: Images, query: string, accept: string | undefined): ParsedImage {
  const given = new URLSearchParams(query);
  for (const name of ['url', 'w', 'q']) {
    const values = given.getAll(name);
    if (values.length !== 1 || values[0] === '') return refuse(`"${name}" has to be given once.`);
  }
  const width = wholeNumber(given.get('w')!);
  if (width === null || !images.sizes.includes(width))
    return refuse(`"w" (a width) has to be one of ${images.sizes.join(', ')}.`);
  const quality = wholeNumber(given.get('q')!);
  if (quality === null || quality < 1 || quality > 100) return refuse('"q" (a quality) has to be from 1 to 100.');
  if (images.qualities !== null && !images.qualities.includes(quality))
    return refuse(`"q" (a quality) has to be one of ${images.qualities.join(', ')}.`);
  const source = parseSource(images, given.get('url')!);
  if (typeof source === 'string') return refuse(source);
  return { ok: true, request: { source, width, quality, format: chooseFormat(images.formats, accept) } };
}

const wholeNumber = (text: string): number | null => (/^\d{1,5}$/.test(text) ? Number(text) : null);

/** A string says what is wrong. */
function parseSource(images: Images, text: string): ImageRequest['source'] | string {
  if (text.length > limits.imageUrlCharacters) return `"url" has more than ${limits.imageUrlCharacters} characters.`;
  // Readers of URLs differ over these: what one takes for a path is a host to another.
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u0020\u007f\\]/.test(text)) return '"url" has characters that no URL has.';
  return text.startsWith('/') ? parseLocal(images, text) : parseRemote(images, text);
}

const imagePath = /^\/_(?:next|vercel)\/image(?:\/|$)/;

function parseLocal(images: Images, text: string): ImageRequest['source'] | string {
  if (text.startsWith('//')) return '"url" has to be a path, or have a protocol.';
  const url = parseUrl(text, 'http://local');
  if (url === null || url.host !== 'local') return '"url" is no path.';
  const path = decoded(url.pathname);
  if (path === null) return '"url" is badly encoded.';
  if (imagePath.test(path)) return '"url" leads to image optimisation again.';
  const { localPatterns } = images;
  const allowed = localPatterns === null || localPatterns.some((pattern) => matchesLocal(pattern, url));
  return allowed ? { kind: 'local', path: url.pathname + url.search } : 'The path of "url" is not among localPatterns.';
}

function parseRemote(images: Images, text: string): ImageRequest['source'] | string {
  const url = parseUrl(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return '"url" has to be a path, or an http or https URL.';
  if (url.username !== '' || url.password !== '') return '"url" may not have a password.';
  url.hash = '';
  const allowed =
    images.domains.includes(url.hostname) || images.remotePatterns.some((pattern) => matchesRemote(pattern, url));
  return allowed ? { kind: 'remote', url } : 'The host of "url" is not among domains and remotePatterns.';
}

const parseUrl = (text: string, base?: string): URL | null => URL.parse(text, base);

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

const patterns = new Map<string, RegExp | null>();
/** Of all deployments: there are few of them, and most are alike. */
const patternsHeld = 1000;

/** The whole of `text`. A pattern that is no regular expression matches nothing. */
function matches(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    if (patterns.size >= patternsHeld) patterns.clear();
    compiled = compile(pattern);
    patterns.set(pattern, compiled);
  }
  return compiled?.test(text) ?? false;
}

function compile(pattern: string): RegExp | null {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return null;
  }
}

const matchesLocal = ({ pathname, search }: LocalPattern, url: URL): boolean =>
  (search === null || search === url.search) && (pathname === null || matches(pathname, url.pathname));

const matchesRemote = ({ protocol, hostname, port, pathname, search }: RemotePattern, url: URL): boolean =>
  (protocol === null || `${protocol}:` === url.protocol) &&
  (port === null || port === url.port) &&
  (search === null || search === url.search) &&
  matches(hostname, url.hostname) &&
  (pathname === null || matches(pathname, url.pathname));

/** The first of what is offered that Accept (RFC 9110, 12.5.1) names itself: a range would say nothing of what a client can show. */
export function chooseFormat(offered: readonly ImageFormat[], accept: string | undefined): ImageFormat | null {
  const taken = new Set<string>();
  for (const part of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';');
    if (!parameters.some((text) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/i.test(text))) taken.add(type.trim().toLowerCase());
  }
  return offered.find((format) => taken.has(format)) ?? null;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** What all sizes of one source image are called back by. `url`: as in the request. */
export const imageTag = (url: string): string => `_weir_image:${hash(url)}`;

const sourceText = ({ source }: ImageRequest): string => (source.kind === 'local' ? source.path : source.url.href);

export const imageTagOf = (request: ImageRequest): string => imageTag(sourceText(request));

/** The source image as the edge finds it. */
export interface ImageSource {
  /** What tells it from other images of the deployment: not the same image for all who ask for the same address. */
  readonly key: string;
  /** By what it is called back, besides the address that was asked for. */
  readonly address: string;
  /** Never rejects. */
  load(): Promise<Sourced>;
}

/** Beside the keys of pages, which begin with a path. `source`: what tells the source image apart. */
export const imageKey = ({ width, quality, format }: ImageRequest, source: string): string =>
  `\0image ${width} ${quality} ${format ?? ''} ${hash(source)}`;
