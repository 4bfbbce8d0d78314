// A language process for tests: speaks frames over descriptor 3, and does what the request's target says.
import { systemClock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ReceiveCredit, SendCredit } from '../../tunnel/flow.ts';
import { FrameType } from '../../tunnel/frame.ts';
import { readLoad } from '../../tunnel/greeting.ts';
import { headersText } from '../../tunnel/head.ts';
import { Inbox, writeMessage } from '../../tunnel/message.ts';
import { readCancel, readCredit, readRequest, type Request } from '../../tunnel/payload.ts';
import { openSession, type Session } from '../../tunnel/session.ts';
import { ReadMemory, SocketConnection } from '../../tunnel/socket.ts';
import { TunnelSocket } from '../../tunnel/tunnel-socket.ts';

const unmeasured = 0xffff_ffff;

interface Work {
  readonly stream: number;
  readonly request: Request;
  readonly send: SendCredit;
  readonly receive: ReceiveCredit;
  body: (chunk: Buffer) => void;
  bodyEnd: () => void;
  writable: () => void;
  cancelled: (reason: string) => void;
}

const works = new Map<number, Work>();
const inbox = new Inbox();
const answers = new Map<number, (text: string) => void>();
let asks = 0;
let background = 0;
let severed = false;
const ignore = (): void => undefined;

const block = (ms: number): void => {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
};
const burn = (ms: number): void => {
  const from = process.cpuUsage();
  for (let used = from; used.user + used.system < ms * 1000 || used === from; used = process.cpuUsage(from)) block(1);
};

function answer(work: Work, text: string | Buffer, cpuUs = unmeasured): void {
  works.delete(work.stream);
  const head = headersText(['content-type', 'text/plain']);
  session.writer.response(work.stream, { complete: true, status: 200, cpuUs, head, body: text });
  session.writer.flush();
}
function begin(work: Work, status = 200): void {
  session.writer.response(work.stream, { complete: false, status, cpuUs: 0, head: '', body: null });
}
function end(work: Work, cpuUs = unmeasured): void {
  works.delete(work.stream);
  session.writer.bodyEnd(work.stream, cpuUs);
  session.writer.flush();
}
function say(work: Work | null, text: string): void {
  session.writer.log(work?.stream ?? 0, 'info', 'stdout', text);
  session.writer.flush();
}

/** Writes `left` bytes as credit allows. */
function stream(work: Work, bytes: number): void {
  let left = bytes;
  work.writable = () => {
    while (left > 0) {
      const allowed = work.send.take(Math.min(left, 10_000));
      if (allowed === 0) break;
      left -= allowed;
      session.writer.body(work.stream, Buffer.alloc(allowed, 'x'));
    }
    session.writer.flush();
    if (left > 0) return;
    work.writable = ignore;
    end(work);
  };
  begin(work);
  work.writable();
}

/** Sends back what it gets, and takes no more than it can send. */
function echo(work: Work): void {
  const waiting: Buffer[] = [];
  let ended = false;
  work.writable = () => {
    for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
      const allowed = work.send.take(piece.length);
      if (allowed > 0) session.writer.body(work.stream, piece.subarray(0, allowed));
      const grant = allowed > 0 ? work.receive.consumed(allowed) : 0;
      if (grant > 0) session.writer.credit(work.stream, grant);
      if (allowed < piece.length) {
        waiting.unshift(piece.subarray(allowed));
        break;
      }
    }
    session.writer.flush();
    if (ended && waiting.length === 0) end(work);
  };
  work.body = (chunk) => {
    work.receive.receive(chunk.length);
    waiting.push(Buffer.from(chunk));
    work.writable();
  };
  work.bodyEnd = () => {
    ended = true;
    work.writable();
  };
}

function ask(work: Work, json: string): void {
  asks += 1;
  answers.set(asks, (text) => answer(work, text));
  writeMessage(session.writer, FrameType.ASK, { number: asks, json, body: Buffer.from('asked') });
  session.writer.flush();
}

const routes: Readonly<Record<string, (work: Work, amount: number) => void>> = {
  hello: (work) => answer(work, `hello from ${work.request.id}`),
  pid: (work) => answer(work, String(process.pid)),
  wait: (work, ms) => void setTimeout(() => answer(work, 'waited'), ms),
  large: (work, bytes) => answer(work, Buffer.alloc(bytes, 'y')),
  stream,
  echo: (work) => {
    begin(work);
    echo(work);
  },
  upgrade: (work) => {
    begin(work, 101);
    echo(work);
  },
  hints: (work) => {
    session.writer.inform(work.stream, 103, headersText(['link', '</style.css>']));
    answer(work, 'after hints');
  },
  fail: (work) => {
    works.delete(work.stream);
    session.writer.failed(work.stream, 'FUNCTION_INVOCATION_FAILED', 'as it was asked to', 7);
    session.writer.flush();
  },
  hang: (work, returnsAfterMs) => {
    work.cancelled = (reason) => {
      say(work, `cancelled: ${reason}`);
      setTimeout(() => {
        session.writer.bodyEnd(work.stream);
        session.writer.flush();
      }, returnsAfterMs);
    };
  },
  block: (work, ms) => {
    block(ms);
    answer(work, 'blocked');
  },
  burn: (work, ms) => {
    burn(ms);
    answer(work, 'burned');
  },
  measured: (work, us) => {
    burn(us / 1000 + 20);
    answer(work, 'measured', us);
  },
  exit: (_work, code) => process.exit(code),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  print: (work) => {
    process.stderr.write('printed\n');
    answer(work, 'printed');
  },
  late: (work) => {
    answer(work, 'answered');
    setTimeout(() => say(work, 'said late'), 20);
  },
  background: (work, ms) => {
    background += 1;
    session.writer.background(background);
    answer(work, 'goes on');
    setTimeout(() => {
      background -= 1;
      session.writer.background(background);
      session.writer.flush();
    }, ms);
  },
  unfit: (work) => {
    session.writer.drain(0, 'an error was not caught');
    setTimeout(() => answer(work, 'last'), 20);
  },
  memory: (_work, mebibytes) => {
    const kept = Array.from({ length: mebibytes }, () => Buffer.alloc(1024 * 1024, 1));
    say(null, `took ${kept.length}`);
  },
  greedy: (work, bytes) => {
    work.body = () => {
      session.writer.credit(work.stream, bytes);
      session.writer.flush();
    };
  },
  sever: (work, lingersMs) => {
    process.removeAllListeners('SIGTERM').on('SIGTERM', ignore);
    severed = true;
    say(work, 'severs');
    socket.destroy();
    setTimeout(() => process.exit(6), lingersMs);
  },
  unsendable: (work, status) => {
    work.cancelled = (reason) => {
      say(work, `cancelled: ${reason}`);
      session.writer.bodyEnd(work.stream);
      session.writer.flush();
    };
    begin(work, status);
    session.writer.flush();
  },
  informs: (work, count) => {
    for (let at = 0; at < count; at += 1) session.writer.inform(work.stream, 103, '');
    answer(work, 'informed');
  },
  nonsense: (work) => {
    session.writer.begun(work.stream);
    session.writer.flush();
  },
  metric: (work) => {
    session.writer.metric(1.5, '{"name":"made","attributes":{"a":"b"}}');
    answer(work, 'measured');
  },
  ask: (work) => ask(work, '{"do":"cache.get","space":"app","key":"k","tags":[]}'),
  deep: (work, levels) => ask(work, `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`),
};

function take(streamId: number, request: Request): void {
  const work: Work = {
    stream: streamId,
    request,
    send: new SendCredit(session.welcome.windowBytes),
    receive: new ReceiveCredit(session.welcome.windowBytes),
    body: ignore,
    bodyEnd: ignore,
    writable: ignore,
    cancelled: ignore,
  };
  works.set(streamId, work);
  const [, name = '', amount = '0'] = request.target.split('?', 1)[0]!.split('/');
  routes[name]?.(work, Number(amount));
}

function frame(type: number, streamId: number, payload: Buffer): void {
  const work = works.get(streamId);
  if (type === FrameType.REQUEST) take(streamId, readRequest(payload));
  else if (type === FrameType.BODY_END) work?.bodyEnd();
  else if (type === FrameType.CREDIT) {
    work?.send.grant(readCredit(payload));
    work?.writable();
  } else if (type === FrameType.CANCEL) {
    works.delete(streamId);
    work?.cancelled(readCancel(payload));
  } else if (type === FrameType.LOAD) {
    const { entry } = readLoad(payload);
    if (entry === 'broken') session.writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message: 'no such luck' });
    else if (entry === 'exits') process.exit(3);
    else if (entry === 'unfit') session.writer.drain(0, 'an error was not caught');
    else session.writer.loaded({ ok: true, initMs: 1 });
  } else if (type === FrameType.ANSWER) {
    const message = inbox.take(payload, ignore);
    if (message !== null) answers.get(message.number)?.(`${JSON.stringify(message.fields)} ${message.body.toString()}`);
  }
}

const memory = new ReadMemory();
let connection: SocketConnection | null = null;
const socket = new TunnelSocket({ fd: 3, readable: true, writable: true, onread: memory.into(() => connection) });
connection = new SocketConnection(socket, memory);
process.on('SIGTERM', () => {
  process.stdout.write('ends in order\n');
  process.exit(0);
});
const opened = Promise.withResolvers<Session>();
const session = openSession(connection, {
  clock: systemClock,
  hello: { token: '', role: 'data', pid: process.pid, runtime: 'python3.11.7' },
  events: {
    opened: (of) => opened.resolve(of),
    frame,
    body: (streamId, chunk) => works.get(streamId)?.body(chunk),
    drained: ignore,
    closed: () => void (severed || setTimeout(() => process.exit(0), limits.terminateGraceMs)),
  },
});
