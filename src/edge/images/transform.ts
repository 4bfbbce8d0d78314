// The one file that knows sharp. It is loaded when the first image is worked on: it takes memory, and most have no need of it.
import type { Sharp, SharpConstructor } from 'sharp';
import { limits } from '../../base/limits.ts';
import { isAnimatedPng } from './image-type.ts';
import type { ImageType } from './image-type.ts';

export interface Wanted {
  readonly width: number;
  readonly quality: number;
  readonly type: ImageType;
}

const load = async (): Promise<SharpConstructor> => {
  const { default: sharp } = await import('sharp');
  // A thread for each image that is worked on; nothing of one is kept for the next.
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp;
};
let loaded: Promise<SharpConstructor> | null = null;

/** The thread pool has room for a few: what waits for it would keep files waiting, too. */
const input = { limitInputPixels: limits.imagePixels, sequentialRead: true } as const;

/** More than one picture in it. Rejects when the image cannot be read. */
export async function isAnimated(bytes: Buffer, type: ImageType): Promise<boolean> {
  if (type === 'image/png') return isAnimatedPng(bytes);
  if (type !== 'image/gif' && type !== 'image/webp') return false;
  const sharp = await (loaded ??= load());
  return ((await sharp(bytes, input).metadata()).pages ?? 1) > 1;
}

/** Smaller, never larger; upright, as its metadata says. Rejects when the image cannot be read, or takes too long. */
export async function transformImage(bytes: Buffer, wanted: Wanted): Promise<Buffer> {
  const sharp = await (loaded ??= load());
  const resized = sharp(bytes, input)
    .timeout({ seconds: limits.imageWorkS })
    .rotate()
    .resize(wanted.width, undefined, { withoutEnlargement: true });
  return await encoded(resized, wanted).toBuffer();
}

/** AVIF looks as good at a lower figure, and its best effort takes seconds. */
function encoded(image: Sharp, { type, quality }: Wanted): Sharp {
  if (type === 'image/avif') return image.avif({ quality: Math.max(quality - 20, 1), effort: 3 });
  if (type === 'image/webp') return image.webp({ quality });
  if (type === 'image/png') return image.png({ quality });
  return image.jpeg({ quality, mozjpeg: true });
}
