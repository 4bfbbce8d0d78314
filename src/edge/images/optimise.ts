// From an image as it was found to the one that is answered.
import type { Images } from '../../model/routing.ts';
import { extensions, imageType } from './image-type.ts';
import type { ImageType } from './image-type.ts';
import type { ImageRequest } from './image-request.ts';
import { sourceFailed } from './source.ts';
import type { SourceImage, Sourced } from './source.ts';
import { isAnimated, transformImage } from './transform.ts';

export type Optimised =
  | { readonly kind: 'image'; readonly bytes: Buffer; readonly type: ImageType }
  | Extract<Sourced, { kind: 'failed' }>;

/** What is not drawn in pixels, or not by sharp: it is passed on as it is. */
const asItIs = new Set<ImageType>(['image/svg+xml', 'image/x-icon', 'image/bmp', 'image/jxl', 'image/heic']);
/** Every client shows these. */
const common = new Set<ImageType>(['image/png', 'image/jpeg', 'image/gif']);

const invalid = (detail: string): Optimised =>
  sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID', detail) as Extract<Sourced, { kind: 'failed' }>;

/** Never rejects. */
export async function optimise(source: SourceImage, request: ImageRequest, images: Images): Promise<Optimised> {
  const found = imageType(source.bytes);
  if (found === null) return invalid('What was fetched is no image.');
  if (found === 'image/svg+xml' && !images.dangerouslyAllowSvg)
    return invalid('Vector images (SVG) are not allowed: they may have scripts in them.');
  const { bytes } = source;
  try {
    if (asItIs.has(found) || (await isAnimated(bytes, found))) return { kind: 'image', bytes, type: found };
    const own = common.has(found) && found !== 'image/gif' ? found : 'image/jpeg';
    const type = request.format ?? own;
    return { kind: 'image', bytes: await transformImage(bytes, { ...request, type }), type };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return invalid(`The image cannot be read: ${why.split('\n')[0]}`);
  }
}

const defaultPolicy = "script-src 'none'; frame-src 'none'; sandbox;";

/** Of the answer: name, value, name, value, … */
export function imageHeaders(request: ImageRequest, type: ImageType, source: SourceImage, images: Images): string[] {
  const path = request.source.kind === 'local' ? request.source.path : request.source.url.pathname;
  const immutable = /\bimmutable\b/i.test(source.cacheControl);
  return [
    'Content-Type',
    type,
    'Content-Disposition',
    `${images.contentDisposition}; filename="${fileName(path, extensions[type])}"`,
    'Content-Security-Policy',
    images.contentSecurityPolicy ?? defaultPolicy,
    'Cache-Control',
    immutable ? 'public, max-age=31536000, immutable' : 'public, max-age=0, must-revalidate',
    'Vary',
    'Accept',
  ];
}

/** The last part of the path, as far as it is plain. */
function fileName(path: string, extension: string): string {
  const [last = ''] = path.replace(/\?.*$/s, '').split('/').slice(-1);
  const plain = last
    .replace(/\.[^.]*$/, '')
    .replaceAll(/[^\w.-]+/g, '_')
    .slice(0, 100);
  return `${plain === '' ? 'image' : plain}.${extension}`;
}
