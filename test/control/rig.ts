// A platform with a control, in this process, for tests: real files, real instances, its API over HTTP.
import type { Agent } from 'node:http';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { silentLog } from '../../src/base/log.ts';
import { ApiClient } from '../../src/api/client.ts';
import type { DeploymentResource, NewDeployment } from '../../src/api/deployments.ts';
import { startPlatform } from '../../src/main.ts';
import type { Platform } from '../../src/main.ts';

export interface Rig {
  readonly platform: Platform;
  readonly client: ApiClient;
  readonly url: string;
  readonly dir: string;
  /** Deploys files, by name, and waits until it is ready or failed. */
  deploy(
    project: string,
    files: Readonly<Record<string, string>>,
    order?: Partial<NewDeployment>,
  ): Promise<DeploymentResource>;
  /** What the edge answers at a host. */
  get(
    host: string,
    path?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string; headers: Headers }>;
  as(token: string | null): ApiClient;
}

export async function rig(t: TestContext, dir: string = temporary(t)): Promise<Rig> {
  const platform = await startIn(dir);
  t.after(() => platform.close());
  const { url, ownToken, started } = platform.control!;
  await started;
  const client = new ApiClient({ origin: url, token: ownToken });
  return {
    platform,
    client,
    url,
    dir,
    deploy: (project, files, order) => deploy(client, project, files, order),
    get: (host, path = '/', headers = {}) => get(platform.port, host, path, { headers }),
    as: (token) => new ApiClient({ origin: url, token }),
  };
}

/** `host`: that the API listens on. */
export const startIn = (dir: string, host = '127.0.0.1'): Promise<Platform> =>
  startPlatform({
    projects: [],
    port: 0,
    host: '127.0.0.1',
    environment: 'production',
    watch: false,
    stems: false,
    sentinel: false,
    version: '0.0.0-test',
    log: silentLog,
    onFunctionLog: () => undefined,
    control: {
      dir,
      port: 0,
      host,
      domain: 'localhost',
      scheme: 'http',
      announcedIn: [],
      directories: [],
      metrics: null,
    },
  });

export function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export async function deploy(
  client: ApiClient,
  project: string,
  files: Readonly<Record<string, string>>,
  order: Partial<NewDeployment> = {},
): Promise<DeploymentResource> {
  const listed = Object.entries(files).map(([path, text]) => ({
    path,
    sha256: sha256(text),
    bytes: Buffer.byteLength(text),
  }));
  const { deployment, missing } = await client.call('createDeployment', {
    params: { project },
    body: { target: 'production', ...order, files: listed },
  });
  for (const text of Object.values(files))
    if (missing.includes(sha256(text)))
      await client.request('putBlob', { params: { sha256: sha256(text) }, query: {}, bytes: text });
  await client.call('finishDeployment', { params: { id: deployment.id } });
  return settled(client, deployment.id);
}

/** Waits for the end of its stream of events. */
async function settled(client: ApiClient, id: string): Promise<DeploymentResource> {
  const events = await client.request('deploymentEvents', { params: { id } });
  await events.text();
  return client.call('deployment', { params: { id } });
}

/** Without an agent a connection of its own. */
export async function get(
  port: number,
  host: string,
  path: string,
  { agent = false, headers = {} }: { agent?: Agent | false; headers?: Readonly<Record<string, string>> } = {},
) {
  const { request } = await import('node:http');
  return new Promise<{ status: number; text: string; headers: Headers }>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, headers: { ...headers, host }, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const fields = new Headers();
        for (const [name, value] of Object.entries(response.headers))
          for (const each of Array.isArray(value) ? value : [value ?? '']) fields.append(name, each);
        resolve({ status: response.statusCode!, text, headers: fields });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
