import { deflateSync, inflateSync } from 'node:zlib';
import { limits } from '../base/limits.ts';
import { ApiError } from '../api/errors.ts';
import type { UploadFile, UploadLink } from '../api/deployments.ts';

/** What a deployment was uploaded as. */
export interface Manifest {
  readonly files: readonly UploadFile[];
  readonly links: readonly UploadLink[];
}

/**
 * Throws ApiError when there is anything in it that could lead out of the folder that it is laid out in, stand for two things,
 * or be more than a deployment may have. Nothing was written then. Pure.
 */
export function checkManifest({ files, links }: Manifest, directory: string): void {
  if (files.length + links.length > limits.deploymentFiles)
    throw new ApiError(
      'TOO_MANY_FILES',
      `${files.length + links.length} files: ${limits.deploymentFiles} are allowed.`,
    );
  let bytes = 0;
  for (const file of files) {
    if (file.bytes > limits.blobBytes)
      throw new ApiError('BLOB_TOO_LARGE', `${file.path} has ${file.bytes} bytes: ${limits.blobBytes} are allowed.`);
    bytes += file.bytes;
  }
  if (bytes > limits.deploymentBytes)
    throw new ApiError('DEPLOYMENT_TOO_LARGE', `${bytes} bytes in all: ${limits.deploymentBytes} are allowed.`);
  const places = new Set<string>();
  for (const { path } of [...files, ...links]) {
    checkPath(path, 'path');
    if (places.has(path)) throw new ApiError('INVALID_PATH', `${path} is there twice.`);
    places.add(path);
  }
  checkFolders(places);
  for (const each of links) checkLink(each);
  if (directory !== '') checkPath(directory, 'directory');
}

/** Nothing is written through a link, nothing is both a file and a folder, and folders are counted too. */
function checkFolders(places: ReadonlySet<string>): void {
  const folders = new Set<string>();
  for (const path of places) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) break;
      if (places.has(folder))
        throw new ApiError('INVALID_PATH', `${folder} is a file or a link, and the folder of ${path}.`);
      folders.add(folder);
    }
    if (folders.size > limits.deploymentFiles)
      throw new ApiError('TOO_MANY_FILES', `More than ${limits.deploymentFiles} folders.`);
  }
}

function checkPath(path: string, what: string): void {
  const parts = path.split('/');
  const fault =
    parts.length > limits.uploadDepth
      ? `is deeper than ${limits.uploadDepth} folders`
      : parts.some((part) => part === '..' || part === '.' || part === '')
        ? 'has an empty part, or one that is . or ..'
        : path.includes('\\') || path.includes('\0') || !path.isWellFormed()
          ? 'has a backslash, a NUL, or half a character'
          : parts.some((part) => Buffer.byteLength(part) > limits.uploadNameBytes)
            ? `has a name of more than ${limits.uploadNameBytes} bytes`
            : null;
  if (fault === null) return;
  const code = parts.length > limits.uploadDepth ? 'TOO_MANY_FILES' : 'INVALID_PATH';
  throw new ApiError(code, `${what} ${JSON.stringify(path.slice(0, 200))} ${fault}.`);
}

/**
 * A link may go up, and then down, and not out. No folder on its own way is a link (checked before), so going up leads where
 * it says; where it then passes another link, that one does not lead out either.
 */
function checkLink({ path, link }: UploadLink): void {
  const refuse = (why: string): never => {
    throw new ApiError('INVALID_PATH', `the link ${JSON.stringify(path)} ${why}.`);
  };
  if (link.startsWith('/')) refuse('leads out of the upload');
  if (link.includes('\\') || link.includes('\0') || !link.isWellFormed())
    refuse('has a backslash, a NUL, or half a character in it');
  const parts = link.split('/').filter((part, at) => part !== '.' || at > 0);
  const down = parts.findIndex((part) => part !== '..');
  const up = down === -1 ? parts.length : down;
  if (parts.slice(up).some((part) => part === '..' || part === '.' || part === ''))
    refuse('goes up after it went down');
  if (up > path.split('/').length - 1) refuse('leads out of the upload');
}

export const packManifest = (manifest: Manifest): Buffer => deflateSync(JSON.stringify(manifest));

export const unpackManifest = (packed: Uint8Array): Manifest =>
  JSON.parse(inflateSync(packed).toString('utf8')) as Manifest;

export const bytesOf = ({ files }: Manifest): number => files.reduce((sum, { bytes }) => sum + bytes, 0);
