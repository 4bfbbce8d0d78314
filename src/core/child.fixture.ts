// An instance for tests: a core with a runtime that does what the request's target says. Arguments: address, token,
// 'sentinel' or 'alone'.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, CallListener, Runtime } from './call.ts';
import { startCore } from './core.ts';

const [address = '', token = '', sentinel] = process.argv.slice(2);
const ignore = (): void => undefined;
const deaf: CallListener = { body: ignore, bodyEnd: ignore, writable: ignore, cancelled: ignore };

const block = (ms: number): void => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
};
/** Uses CPU, however long that takes on a busy machine. */
const burn = (ms: number): void => {
  const from = process.cpuUsage();
  for (let used = process.cpuUsage(from); used.user + used.system < ms * 1000; used = process.cpuUsage(from));
};
const answer = (call: Call, text: string): void => call.reply(200, ['content-type', 'text/plain'], text);

/** Writes `bytes` in pieces of 10,000, when it may. */
function stream(call: Call, bytes: number): void {
  let left = bytes;
  const pump = (): void => {
    while (left > 0) {
      const chunk = Buffer.alloc(Math.min(left, 10_000), 'x');
      left -= chunk.length;
      if (!call.write(chunk)) return;
    }
    call.end();
  };
  call.listener = { ...deaf, writable: pump };
  call.head(200, []);
  pump();
}

/** Takes the request's body, and grants more piece by piece. */
function count(call: Call): void {
  let bytes = 0;
  call.listener = {
    ...deaf,
    body: (chunk) => {
      bytes += chunk.length;
      call.consumed(chunk.length);
    },
    bodyEnd: () => answer(call, String(bytes)),
  };
}

const routes: Readonly<Record<string, (call: Call, amount: number) => void>> = {
  soon: (call) => void Promise.resolve().then(() => answer(call, 'soon')),
  hello: (call) => answer(call, `hello from ${core.currentCall()?.id}`),
  block: (call, ms) => {
    block(ms);
    answer(call, 'blocked');
  },
  burn: (call, ms) => {
    setTimeout(() => {
      burn(ms / 2);
      void sleep(1).then(() => {
        burn(ms / 2);
        answer(call, 'burned');
      });
    }, 1);
  },
  wait: (call, ms) => void sleep(ms).then(() => answer(call, 'waited')),
  hang: (call) => {
    call.listener = {
      ...deaf,
      cancelled: (reason) => core.log('info', 'stdout', `cancelled: ${reason}`, core.currentCall() ?? null),
    };
  },
  stream,
  count,
  deafCount: (call) => {
    call.listener = { ...deaf, body: (chunk) => core.log('info', 'stdout', `got ${chunk.length}`, call) };
  },
  large: (call, bytes) => call.reply(200, [], Buffer.alloc(bytes, 'y')),
  hints: (call) => {
    call.inform(103, ['link', '</style.css>']);
    answer(call, 'after hints');
  },
  badHeader: (call) => call.reply(200, ['x-bad', 'one\ntwo'], null),
  exit: () => process.exit(7),
  throwNow: () => {
    throw new Error('thrown at once');
  },
  burnAndThrow: (_call, ms) => {
    burn(ms);
    throw new Error('thrown after work');
  },
  burnAndWait: (call, ms) => {
    burn(ms);
    core.log('info', 'stdout', 'burned', call);
  },
  throwLater: () =>
    void setTimeout(() => {
      throw new Error('thrown later');
    }, 1),
  reject: () => void Promise.reject(new Error('rejected')),
  swallow: (call) => {
    process.removeAllListeners();
    process.on('uncaughtException', (error) => core.log('info', 'stdout', `user saw: ${error.message}`, null));
    setTimeout(() => answer(call, 'installed'), 1);
  },
  listenTerm: (call) => {
    process.on('SIGTERM', () => {
      core.log('info', 'stdout', 'user terminates', null);
      process.stderr.write('user terminates\n');
      setTimeout(() => core.log('info', 'stdout', 'user has terminated', null), 50);
    });
    answer(call, 'listening');
  },
  throwAtTerm: (call) => {
    process.on('SIGTERM', () => {
      throw new Error('thrown at the end');
    });
    answer(call, 'listening');
  },
  background: (call, ms) => {
    core.background(1);
    void sleep(ms).then(() => {
      core.log('info', 'stdout', 'background done', call);
      core.background(-1);
    });
    answer(call, 'goes on');
  },
  metrics: (call, count) => {
    const json = JSON.stringify({ name: 'm', attributes: { a: 'z'.repeat(20_000) } });
    const next = (at: number): void => {
      core.metric(at, json);
      if (at < count) return void setTimeout(next, 1, at + 1);
      process.stderr.write('metrics are written\n');
      answer(call, 'measured');
    };
    next(1);
  },
  logs: (call, lines) => {
    for (let line = 0; line < lines; line += 1) core.log('info', 'stdout', `${line} ${'z'.repeat(100_000)}`, call);
    process.stderr.write('logs are written\n');
    answer(call, 'logged');
  },
};

const runtime: Runtime = {
  load: async (order) => {
    if (order.entry === 'broken') throw new Error('no such luck');
  },
  begin: (call) => {
    const [, name = '', amount = '0'] = call.target.split('/');
    core.log('debug', 'platform', `begin ${call.id}`, call);
    call.listener = deaf;
    routes[name]?.(call, Number(amount));
  },
};

const core = startCore({
  address,
  token,
  runtime,
  sentinel: sentinel === 'sentinel',
  sentinelFile: new URL('sentinel.ts', import.meta.url),
  log: (line) => process.stderr.write(`${line}\n`),
});
