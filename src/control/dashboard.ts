import * as fs from 'node:fs/promises';
import * as path from 'node:path';

export interface DashboardRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly acceptEncoding: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

interface DashboardAnswer {
  readonly status: 200 | 304 | 405;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: there is none, as for HEAD. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

export interface Dashboard {
  /** Null: the path is none of the dashboard's. */
  answer(request: DashboardRequest): DashboardAnswer | null;
}

type Encoding = 'br' | 'gzip' | 'identity';
interface Asset {
  readonly headers: Readonly<Record<string, string>>;
  readonly bodies: Readonly<Record<Encoding, Uint8Array<ArrayBuffer>>>;
}

/** Nothing from elsewhere, nothing written in line, in no one's frame: what functions log cannot become code. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ');

const guards = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Reads what `buildDashboard` made, once: it is small, and answers from memory from then on. */
export async function openDashboard(directory: string): Promise<Dashboard> {
  const assets = new Map<string, Asset>();
  for (const name of await fs.readdir(directory)) {
    const type = types[path.extname(name)];
    if (type !== undefined)
      assets.set(name === 'index.html' ? '/' : `/${name}`, await readAsset(directory, name, type));
  }
  if (!assets.has('/')) throw new Error(`${directory} has no index.html`);
  return { answer: (request) => answer(assets.get(request.path), request) };
}

async function readAsset(directory: string, name: string, type: string): Promise<Asset> {
  const read = (end: string) => fs.readFile(path.join(directory, name + end));
  const [identity, br, gzip] = await Promise.all([read(''), read('.br'), read('.gz')]);
  const isPage = name === 'index.html';
  const headers = {
    ...guards,
    'Content-Type': type,
    Vary: 'Accept-Encoding',
    // The page names the rest, whose names change with what is in them.
    'Cache-Control': isPage ? 'no-cache' : 'public, max-age=31536000, immutable',
    // The directory is named by what is in it.
    ETag: `W/"${path.basename(directory)}"`,
  };
  return { headers, bodies: { identity, br, gzip } };
}

function answer(asset: Asset | undefined, request: DashboardRequest): DashboardAnswer | null {
  if (asset === undefined) return null;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, headers: { Allow: 'GET, HEAD' }, body: null };
  }
  const tag = asset.headers['ETag'] ?? '';
  if (request.ifNoneMatch?.includes(tag)) return { status: 304, headers: asset.headers, body: null };
  const encoding = encodingOf(request.acceptEncoding);
  const body = asset.bodies[encoding];
  const headers: Record<string, string> = { ...asset.headers, 'Content-Length': `${body.length}` };
  if (encoding !== 'identity') headers['Content-Encoding'] = encoding;
  return { status: 200, headers, body: request.method === 'HEAD' ? null : body };
}

/** The smallest that the client takes. */
function encodingOf(header: string = ''): Encoding {
  const taken = new Set<string | undefined>();
  for (const part of header.toLowerCase().split(',')) {
    const [name, ...rest] = part.split(';').map((piece) => piece.trim());
    if (!rest.some((piece) => /^q=0(?:\.0*)?$/.test(piece))) taken.add(name);
  }
  return (['br', 'gzip'] as const).find((encoding) => taken.has(encoding)) ?? 'identity';
}
