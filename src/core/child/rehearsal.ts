/**
 * As the platform rehearses its first request (docs/decisions/0020-rehearsal.md), so does the host: a core and a runtime of an instance
 * that is none, between a router and a language process that are played here.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { dial, listen } from '../../tunnel/dial.ts';
import { FrameType } from '../../tunnel/frame.ts';
import type { Load } from '../../tunnel/greeting.ts';
import { headersText, headText } from '../../tunnel/head.ts';
import { readRequest, requestFlags } from '../../tunnel/payload.ts';
import { acceptSession, openSession, type Session, type SessionEvents } from '../../tunnel/session.ts';
import { InstanceCore } from '../core.ts';
import { ProcessBeside } from './beside.ts';
import { FramesRuntime } from './frames-runtime.ts';

const release = 'python';
const load: Load = {
  function: 'rehearsal/function',
  root: '/',
  entry: '/rehearsal.py',
  launch: 'python',
  environment: {},
  memoryMiB: 128,
  maxDurationMs: limits.rehearsalMs,
  maxConcurrency: null,
  deployment: 'rehearsal',
  project: 'rehearsal',
};
const headers = ['host', 'localhost', 'accept', '*/*', 'user-agent', 'weir', 'x-forwarded-for', '127.0.0.1'];
const plainHead = headersText(['content-type', 'text/plain', 'content-length', '2']);
const streamedHead = headersText(['content-type', 'text/plain']);
const body = Buffer.from('ok');
const ignore = (): void => undefined;
const quiet = { drained: ignore, body: ignore };

/** `directory`: for its two sockets. Resolves with how many invocations were answered, when it is over. */
export async function rehearse(directory: string): Promise<number> {
  const over = Promise.withResolvers<void>();
  const timer = systemClock.after(limits.rehearsalMs, over.resolve);
  const router = new PlayedRouter(over.resolve);
  const address = `unix:${join(directory, 'router')}`;
  const path = join(directory, 'runtime');
  const instance = new PlayedInstance(address, over.resolve);
  const tunnels = await listen(address, (connection) => router.accept(connection));
  try {
    const channels = await listening(path, (socket) => instance.start(socket));
    try {
      const process = playProcess(await dial(`unix:${path}`));
      await over.promise;
      instance.end();
      process.destroy('the rehearsal is over');
    } finally {
      channels.close();
    }
  } finally {
    timer.cancel();
    await tunnels.close();
  }
  return router.answered;
}

async function listening(path: string, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ pauseOnConnect: true }, accept);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, resolve);
  await promise;
  return server;
}

/** One invocation after the other, of three kinds. */
class PlayedRouter {
  answered = 0;
  readonly #done: () => void;
  #session: Session | null = null;

  constructor(done: () => void) {
    this.#done = done;
  }

  accept(connection: Parameters<typeof acceptSession>[0]): void {
    const welcome = { instance: '', maxStreams: limits.streamsPerTunnel, windowBytes: limits.windowBytes };
    const events: SessionEvents = {
      ...quiet,
      opened: (session) => {
        this.#session = session;
        session.writer.load(load);
      },
      frame: (type, stream, payload) => this.#frame(type, stream, payload),
      closed: this.#done,
    };
    const admit = () => ({ kind: 'welcome', welcome, events }) as const;
    acceptSession(connection, { clock: systemClock, admit, refused: this.#done });
  }

  #frame(type: number, stream: number, payload: Buffer): void {
    const isAnswered = type === FrameType.BODY_END || (type === FrameType.RESPONSE && payload[0] === 1);
    if (stream !== 0 && isAnswered) this.answered += 1;
    if (type === FrameType.NACK || type === FrameType.FAILED || this.answered === limits.rehearsedInvocations)
      this.#done();
    else if (type === FrameType.LOADED || (stream !== 0 && isAnswered)) this.#next();
  }

  #next(): void {
    const { writer } = this.#session!;
    const stream = (this.answered + 1) << 16;
    const kind = this.answered % 3;
    const method = kind === 1 ? 'POST' : 'GET';
    const text = headText(`inv_${stream.toString(16)}`, method, kind === 2 ? '/streamed' : '/plain?a=b', headers);
    writer.request(stream, kind === 1 ? 0 : requestFlags.noBody, limits.rehearsalMs, text);
    if (kind === 1) {
      writer.body(stream, body);
      writer.bodyEnd(stream);
    }
    writer.flush();
  }
}

/** What hosted.ts puts together, without a process. */
class PlayedInstance {
  readonly #address: string;
  readonly #ended: () => void;
  #core: InstanceCore | null = null;

  constructor(address: string, ended: () => void) {
    this.#address = address;
    this.#ended = ended;
  }

  start(channel: Socket): void {
    const ward = new ProcessBeside({
      runtimeName: release,
      isOneLoop: true,
      limitBytes: null,
      silentMs: limits.pulseMs,
      silentMaxMs: limits.pulseMaxMs,
      ask: ignore,
      working: () => 0,
      worksOn: () => false,
      farewell: ignore,
      finished: this.#ended,
    });
    const runtime = new FramesRuntime(channel, ward, {
      booted: () => {
        this.#core = new InstanceCore({ address: this.#address, token: '', runtime }, ward);
        runtime.attach(this.#core);
      },
      ended: this.#ended,
    });
  }

  end(): void {
    this.#core?.lost('the rehearsal is over', 'the rehearsal is over');
  }
}

function playProcess(connection: Parameters<typeof openSession>[0]): Session {
  let posted = 0;
  const session = openSession(connection, {
    clock: systemClock,
    hello: { token: '', role: 'data', pid: 0, runtime: release },
    events: {
      ...quiet,
      opened: ignore,
      frame: (type, stream, payload) => {
        if (type === FrameType.LOAD) session.writer.loaded({ ok: true, initMs: 1 });
        else if (type === FrameType.REQUEST) {
          const { flags, target } = readRequest(payload);
          if ((flags & requestFlags.noBody) === 0) posted = stream;
          else answer(session, stream, target);
        } else if (type === FrameType.BODY_END) answer(session, posted, '');
      },
      closed: ignore,
    },
  });
  return session;
}

function answer({ writer }: Session, stream: number, target: string): void {
  if (target !== '/streamed') {
    writer.response(stream, { complete: true, status: 200, cpuUs: 1, head: plainHead, body });
    return;
  }
  writer.response(stream, { complete: false, status: 200, cpuUs: 0, head: streamedHead, body: null });
  writer.body(stream, body);
  writer.bodyEnd(stream, 1);
}
