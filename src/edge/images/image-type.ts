// Pure: what bytes are, by how they begin. What a server says of them is not believed.

export type ImageType =
  | 'image/avif'
  | 'image/bmp'
  | 'image/gif'
  | 'image/heic'
  | 'image/jpeg'
  | 'image/jxl'
  | 'image/png'
  | 'image/svg+xml'
  | 'image/tiff'
  | 'image/webp'
  | 'image/x-icon';

export const extensions: Readonly<Record<ImageType, string>> = {
  'image/avif': 'avif',
  'image/bmp': 'bmp',
  'image/gif': 'gif',
  'image/heic': 'heic',
  'image/jpeg': 'jpeg',
  'image/jxl': 'jxl',
  'image/png': 'png',
  'image/svg+xml': 'svg',
  'image/tiff': 'tiff',
  'image/webp': 'webp',
  'image/x-icon': 'ico',
};

/** Latin-1, and from which byte on. */
const beginnings: readonly (readonly [ImageType, string, number])[] = [
  ['image/png', '\x89PNG\r\n\x1a\n', 0],
  ['image/jpeg', '\xff\xd8\xff', 0],
  ['image/gif', 'GIF8', 0],
  ['image/webp', 'WEBP', 8],
  ['image/avif', 'ftypavif', 4],
  ['image/avif', 'ftypavis', 4],
  ['image/heic', 'ftypheic', 4],
  ['image/heic', 'ftypmif1', 4],
  ['image/x-icon', '\0\0\x01\0', 0],
  ['image/tiff', 'II*\0', 0],
  ['image/tiff', 'MM\0*', 0],
  ['image/bmp', 'BM', 0],
  ['image/jxl', '\xff\x0a', 0],
  ['image/jxl', '\0\0\0\x0cJXL \r\n\x87\n', 0],
];
const lookedAt = 32;
/** A vector image may begin with declarations and comments. */
const svgLookedAt = 4096;

/** Null: nothing that is known here. */
export function imageType(bytes: Buffer): ImageType | null {
  const start = bytes.toString('latin1', 0, lookedAt);
  for (const [type, text, at] of beginnings) if (start.startsWith(text, at)) return type;
  const text = bytes
    .toString('utf8', 0, svgLookedAt)
    .replace(/^\uFEFF/, '')
    .trimStart();
  return text.startsWith('<') && /<svg[\s>]/i.test(text) ? 'image/svg+xml' : null;
}

/** An animated PNG says so before its first image data. */
export function isAnimatedPng(bytes: Buffer): boolean {
  const control = bytes.indexOf('acTL');
  return control !== -1 && control < bytes.indexOf('IDAT');
}
