// Pure: a kept answer as the bytes of a file: `weir-page 1 CRC LENGTH\n`, LENGTH bytes of JSON, the body.
import { crc32 } from 'node:zlib';
import { limits } from '../../base/limits.ts';
import type { KeptPage } from './kept.ts';

const magic = 'weir-page 1';
const headForm = /^weir-page 1 ([0-9a-f]{8}) (\d{1,8})$/;
const headBytes = 64;

type Written = Omit<KeptPage, 'body' | 'freshUntilMs' | 'staleUntilMs'> & {
  readonly key: string;
  /** Null: for good, which JSON cannot say. */
  readonly freshUntilMs: number | null;
  readonly staleUntilMs: number | null;
  readonly bodyBytes: number;
  readonly bodyCrc: number;
};

const finite = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);

/** The head of the file; the body follows it. `key`: told again when it is read. */
export function encodePageHead(key: string, page: KeptPage): Buffer {
  const { body, ...rest } = page;
  const written: Written = {
    ...rest,
    key,
    freshUntilMs: finite(page.freshUntilMs),
    staleUntilMs: finite(page.staleUntilMs),
    bodyBytes: body.length,
    bodyCrc: crc32(body),
  };
  const json = Buffer.from(JSON.stringify(written));
  return Buffer.concat([Buffer.from(`${magic} ${crc32(json).toString(16).padStart(8, '0')} ${json.length}\n`), json]);
}

/** Null: it is not whole, or not what was asked for. The body refers to `file`. */
export function decodePage(key: string, file: Buffer): KeptPage | null {
  const newline = file.subarray(0, headBytes).indexOf(0x0a);
  const head = headForm.exec(file.subarray(0, Math.max(newline, 0)).toString('latin1'));
  if (head === null) return null;
  const from = newline + 1;
  const to = from + Number(head[2]);
  if (to > file.length || Number(head[2]) > 4 * limits.pageHeadBytes) return null;
  const json = file.subarray(from, to);
  if (crc32(json) !== Number.parseInt(head[1]!, 16)) return null;
  const written = parse(json);
  const body = file.subarray(to);
  if (written === null || written.key !== key) return null;
  if (written.bodyBytes !== body.length || written.bodyCrc !== crc32(body)) return null;
  const { key: _, bodyBytes: __, bodyCrc: ___, ...page } = written;
  return {
    ...page,
    body,
    freshUntilMs: written.freshUntilMs ?? Infinity,
    staleUntilMs: written.staleUntilMs ?? Infinity,
  };
}

/** What has its checksum is what this program wrote; so only the form of another version has to be told from it. */
function parse(json: Buffer): Written | null {
  try {
    const written = JSON.parse(json.toString()) as Partial<Written> | null;
    const whole =
      typeof written?.key === 'string' &&
      typeof written.status === 'number' &&
      Array.isArray(written.headers) &&
      Array.isArray(written.tags) &&
      typeof written.askedMs === 'number' &&
      typeof written.stateBytes === 'number' &&
      typeof written.entityTag === 'string';
    return whole ? (written as Written) : null;
  } catch {
    return null;
  }
}
