// Functions that are programs of their own, in Node and in Go, behind the whole platform.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { goneSoon, isAlive } from '../conformance/provider.ts';
import { platform, type Platform, specOf } from './platform.ts';
import { project, read, repository, writeFiles } from './weir.ts';

const timeout = 120_000;

/** Any program: it knows nothing of Weir, and listens on PORT. */
const nodeServer = `
  const http = require('node:http');
  const server = http.createServer((req, res) => {
    const [, name, amount] = req.url.split('?')[0].split('/');
    if (name === 'echo') return void req.pipe(res);
    if (name === 'wait') return void setTimeout(() => res.end('waited'), Number(amount));
    if (name === 'status') return void res.writeHead(Number(amount)).end('as asked');
    if (name === 'crash') process.exit(7);
    if (name === 'stream') {
      let left = Number(amount);
      const more = () => {
        for (; left > 0; left -= 65536) if (!res.write('x'.repeat(Math.min(left, 65536)))) { left -= 65536; return void res.once('drain', more); }
        console.log('all is written');
        res.end();
      };
      return more();
    }
    if (name === 'hang') {
      res.on('close', () => console.log('its client has left'));
      return void res.write('hanging');
    }
    if (name === 'pid') return void res.end(String(process.pid));
    res.writeHead(404).end('no such path');
  });
  server.on('upgrade', (req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n');
    socket.pipe(socket);
  });
  server.listen(process.env.PORT, '127.0.0.1');
`;

const goServer = `package main

import (
  "bufio"
  "fmt"
  "io"
  "net/http"
  "os"
  "strconv"
  "strings"
  "time"
)

func main() {
  http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
    parts := strings.Split(r.URL.Path, "/")
    amount := 0
    if len(parts) > 2 {
      amount, _ = strconv.Atoi(parts[2])
    }
    if r.Header.Get("Upgrade") != "" {
      conn, rw, _ := w.(http.Hijacker).Hijack()
      defer conn.Close()
      fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n")
      rw.Flush()
      io.Copy(conn, bufio.NewReader(rw))
      return
    }
    switch parts[1] {
    case "echo":
      http.NewResponseController(w).EnableFullDuplex()
      buffer := make([]byte, 32768)
      for {
        n, err := r.Body.Read(buffer)
        w.Write(buffer[:n])
        w.(http.Flusher).Flush()
        if err != nil {
          return
        }
      }
    case "wait":
      time.Sleep(time.Duration(amount) * time.Millisecond)
      fmt.Fprint(w, "waited")
    case "status":
      w.WriteHeader(amount)
      fmt.Fprint(w, "as asked")
    case "crash":
      os.Exit(7)
    case "stream":
      block := []byte(strings.Repeat("x", 65536))
      for left := amount; left > 0; left -= 65536 {
        w.Write(block[:min(left, 65536)])
      }
      fmt.Println("all is written")
    case "hang":
      fmt.Fprint(w, "hanging")
      w.(http.Flusher).Flush()
      <-r.Context().Done()
      fmt.Println("its client has left")
    case "pid":
      fmt.Fprint(w, os.Getpid())
    default:
      w.WriteHeader(404)
      fmt.Fprint(w, "no such path")
    }
  })
  http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
}
`;

const go = '/usr/local/go/bin/go';

/** Built once, with the compiler's own cache: the library takes it a minute where that is empty. */
let built: Promise<string> | null = null;

async function goProject(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-go-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  writeFiles(dir, { 'main.go': goServer, 'go.mod': 'module program\n\ngo 1.21\n' });
  const env = { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' };
  await promisify(execFile)(go, ['build', '-o', 'program', '.'], { cwd: dir, env });
  return dir;
}

interface Language {
  readonly name: string;
  readonly make: (context: TestContext) => Promise<{ readonly root: string; readonly command: readonly string[] }>;
}

const languages: Language[] = [
  {
    name: 'node',
    make: async (context) => ({
      root: project(context, { 'server.cjs': nodeServer }),
      command: [process.execPath, 'server.cjs'],
    }),
  },
];
// Where there is no Go, nothing of it can be run.
if (existsSync(go))
  languages.push({ name: 'go', make: async () => ({ root: await (built ??= goProject()), command: ['./program'] }) });

const open = (port: number, host: string, path: string, body?: Buffer): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      method: body === undefined ? 'GET' : 'POST',
      headers: { host },
      agent: false,
    });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end(body);
  });

for (const { name, make } of languages) {
  suite(`a program in ${name}`, { timeout }, () => {
    const host = `${name}.localhost`;
    const started = async (context: TestContext): Promise<Platform> => {
      const { root, command } = await make(context);
      return platform(context, [specOf(name, { root, launch: 'command', command }, {})]);
    };
    const get = async (to: Platform, path: string) => read(await open(to.port, host, path));

    test('answers, streams both ways, and many at once in one process', async (context) => {
      const to = await started(context);
      assert.deepEqual(await get(to, '/nowhere').then(({ status, text }) => [status, text]), [404, 'no such path']);
      assert.deepEqual(await get(to, '/status/500').then(({ status, text }) => [status, text]), [500, 'as asked']);
      const asked = request({
        host: '127.0.0.1',
        port: to.port,
        path: '/echo',
        method: 'POST',
        headers: { host },
        agent: false,
      });
      asked.write('first');
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      const [echoed] = (await once(answer, 'data')) as [Buffer];
      assert.equal(echoed.toString(), 'first', 'before the request was complete');
      asked.end('second');
      assert.equal((await read(answer)).text, 'second');
      const large = Buffer.alloc(5_000_000, 'l');
      assert.equal((await read(await open(to.port, host, '/echo', large))).text, large.toString());
      const fromMs = performance.now();
      const many = await Promise.all(Array.from({ length: 50 }, () => get(to, '/wait/200')));
      assert.ok(many.every(({ text }) => text === 'waited'));
      assert.ok(performance.now() - fromMs < 50 * 200, 'not one after the other');
      const pids = new Set(await Promise.all(Array.from({ length: 5 }, async () => (await get(to, '/pid')).text)));
      assert.equal(pids.size, 1);
    });

    test('a client that does not read slows it down, one that leaves is noticed', async (context) => {
      const to = await started(context);
      const answer = await open(to.port, host, '/stream/60000000');
      await once(answer, 'readable');
      for (let round = 0; round < 20; round += 1) await get(to, '/wait/20');
      assert.ok(!to.lines.some(({ text }) => text === 'all is written'), 'nobody has read it');
      let bytes = 0;
      for await (const chunk of answer) bytes += (chunk as Buffer).length;
      assert.equal(bytes, 60_000_000);
      await to.said('all is written');
      const hanging = await open(to.port, host, '/hang');
      await once(hanging, 'data');
      hanging.destroy();
      await to.said('its client has left');
    });

    test('upgrades are raw both ways', async (context) => {
      const to = await started(context);
      const socket = connect(to.port, '127.0.0.1');
      socket.write(`GET /socket HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      const until = async (end: string): Promise<void> => {
        while (!text.endsWith(end)) await once(socket, 'data');
      };
      await until('\r\n\r\n');
      assert.match(text, /^HTTP\/1\.1 101 /);
      socket.write('there and back');
      await until('there and back');
      socket.end();
      await once(socket, 'close');
    });

    test('one that crashes fails what it had, by name, and is replaced; what it used is counted', async (context) => {
      const to = await started(context);
      const first = await get(to, '/pid');
      const waiting = get(to, '/wait/60000');
      await get(to, '/wait/1');
      const crashing = await get(to, '/crash');
      assert.equal(crashing.status, 502);
      assert.match(crashing.text, /NO_RESPONSE_FROM_FUNCTION/);
      assert.equal((await waiting).status, 502);
      const second = await get(to, '/pid');
      assert.equal(second.status, 200);
      assert.notEqual(first.text, second.text);
      assert.ok(!isAlive(Number(first.text)));
      await to.said('exited with code 7');
      const [report] = to.router.status().usage.functions;
      assert.ok(report!.usage.cpuUs >= report!.usage.attributedUs);
    });

    test('drained it finishes, and nothing of it is left', async (context) => {
      const to = await started(context);
      const pid = Number((await get(to, '/pid')).text);
      const running = get(to, '/wait/300');
      await get(to, '/wait/1');
      await to.router.drain();
      assert.equal((await running).text, 'waited');
      assert.ok(!isAlive(pid));
    });
  });
}

test('lines that a program says by message carry the id of their invocation', { timeout }, async (context) => {
  const command = [
    process.execPath,
    fileURLToPath(new URL('../../src/core/child/program.fixture.ts', import.meta.url)),
  ];
  const spec = specOf('speaks', { root: repository, launch: 'command', command }, { environment: { SPEAKS: '1' } });
  const to = await platform(context, [spec]);
  const answer = await read(await open(to.port, 'speaks.localhost', '/log'));
  assert.equal(answer.text, 'logged');
  const id = String(answer.headers['x-vercel-id']).split('::').at(-1)!;
  for (const text of ['said by it', 'said late']) {
    const { invocationId } = await to.said(text);
    assert.ok(invocationId !== null && id.endsWith(invocationId), `${invocationId} of ${id}`);
  }
});

test('a function that cannot be started says why', { timeout }, async (context) => {
  const root = project(context, {});
  const command = ['sh', '-c', 'echo not today >&2; exit 3'];
  const to = await platform(context, [specOf('broken', { root, launch: 'command', command }, {})]);
  const { status, text } = await read(await open(to.port, 'broken.localhost', '/any'));
  assert.equal(status, 500);
  assert.match(text, /FUNCTION_LOAD_FAILED/);
  await to.said('not today');
});

test('frames: a stem in another language, its function, its end with the platform', { timeout }, async (context) => {
  const fixture = fileURLToPath(new URL('../../src/core/child/frames.fixture.ts', import.meta.url));
  const spec = specOf('frames', { root: repository, launch: 'python' }, { runtime: 'python3.11' });
  const to = await platform(context, [spec], fixture);
  const pid = Number((await read(await open(to.port, 'frames.localhost', '/pid'))).text);
  const [instance] = to.router.status().functions[0]!.instances;
  assert.equal(instance!.pid, pid);
  const ended = await read(await open(to.port, 'frames.localhost', '/exit/3'));
  assert.equal(ended.status, 502);
  const next = await read(await open(to.port, 'frames.localhost', '/hello'));
  assert.match(next.text, /^hello from/);
});

/** Parents by the kernel's word. */
const parentOf = (pid: number): number =>
  Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test('a host that vanishes takes its instances with it, and is started again', { timeout }, async (context) => {
  if (process.platform !== 'linux') return;
  const root = project(context, { 'server.cjs': nodeServer });
  const command = [process.execPath, 'server.cjs'];
  const to = await platform(context, [specOf('hosted', { root, launch: 'command', command }, {})]);
  const pid = async (): Promise<number> => Number((await read(await open(to.port, 'hosted.localhost', '/pid'))).text);
  const first = await pid();
  const hanging = open(to.port, 'hosted.localhost', '/wait/60000').then(read);
  await open(to.port, 'hosted.localhost', '/wait/1').then(read);
  const host = parentOf(first);
  assert.notEqual(host, process.pid);
  process.kill(host, 'SIGKILL');
  assert.equal((await hanging).status, 502);
  const second = await pid();
  assert.notEqual(parentOf(second), host);
  await goneSoon(first);
});
