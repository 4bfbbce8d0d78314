import type * as Http from 'node:http';
import type { Clock } from '../base/clock.ts';

/** Without the facade of its module: as the edge takes it, for the same reason (src/edge/node-http.ts). */
export const http: Pick<typeof Http, 'request' | 'Agent'> = process.getBuiltinModule('node:http');

/** Where this platform's edge listens. */
export interface EdgeAddress {
  readonly address: string;
  readonly port: number;
}

export interface EdgeRequest {
  readonly edge: EdgeAddress;
  /** As a client's Host header has it. */
  readonly host: string;
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent: Http.Agent;
  readonly clock: Clock;
  readonly withinMs: number;
  /** Of the body: what is beyond is not read, and the connection is cut. */
  readonly mostBytes: number;
  readonly signal?: AbortSignal;
}

export interface EdgeAnswer {
  readonly status: number;
  /** Of x-vercel-id; null: no invocation has answered. */
  readonly invocation: string | null;
  /** x-vercel-error: it is the platform's own answer. */
  readonly error: string | null;
  /** To the last byte that was read. */
  readonly durationMs: number;
}

/**
 * One GET to the edge of this platform, and to no other machine: redirects are answers. Rejects when there is no whole answer,
 * in time. What the body has is not kept.
 */
export function requestEdge(order: EdgeRequest): Promise<EdgeAnswer> {
  const { edge, host, path, headers, agent, clock, withinMs, mostBytes } = order;
  const fromMs = clock.nowMs();
  return new Promise((resolve, reject) => {
    const cancelled = order.signal ?? null;
    if (cancelled?.aborted) return reject(new Error('It was cancelled.'));
    const request = http.request({
      host: edge.address,
      port: edge.port,
      path,
      agent,
      headers: { ...headers, host },
    });
    const timer = clock.after(withinMs, () => request.destroy(new Error(`No whole answer within ${withinMs} ms.`)));
    const cancel = (): void => void request.destroy(new Error('It was cancelled.'));
    cancelled?.addEventListener('abort', cancel, { once: true });
    const finish = (): void => {
      timer.cancel();
      cancelled?.removeEventListener('abort', cancel);
    };
    const fail = (error: Error): void => {
      finish();
      reject(error);
    };
    request.on('error', fail);
    request.once('response', (response) => {
      const answered = (): void => {
        finish();
        resolve(answerOf(response, clock.nowMs() - fromMs));
      };
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= mostBytes) return;
        answered();
        request.destroy();
      });
      response.on('error', fail);
      response.once('end', answered);
    });
    request.end();
  });
}

function answerOf({ statusCode, headers }: Http.IncomingMessage, durationMs: number): EdgeAnswer {
  const id = headers['x-vercel-id'];
  const error = headers['x-vercel-error'];
  return {
    status: statusCode!,
    invocation: typeof id === 'string' ? (/inv_[0-9a-f]+/.exec(id)?.[0] ?? null) : null,
    error: typeof error === 'string' ? error : null,
    durationMs,
  };
}
