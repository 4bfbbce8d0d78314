// The hosted platform's own runtime for Python, unmodified from PyPI, in a build output as its builder lays it out: a trampoline,
// the packages in _vendor (@vercel/python 25.0.0, createRuntimeTrampoline).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { cacheDirectory } from '../../src/base/user-directories.ts';
import { PythonReleases } from '../../src/builder/python-releases.ts';
import { dev, project, type Weir } from './weir.ts';

const version = '0.24.1';
/** All of its versions say so by Requires-Python. */
const oldestMinor = 12;
const timeout = 110_000;

const releases = new PythonReleases({ environment: process.env, home: homedir(), clock: systemClock });
const runtime = await releases
  .choose({ text: `>=3.${oldestMinor}`, by: 'vercel-runtime', fits: ([, minor]) => minor >= oldestMinor })
  .catch(() => null);

/** Installed once for all runs. */
async function installed(): Promise<string> {
  const home = `${cacheDirectory(process.env, homedir())}-test`;
  const dir = join(home, `vercel-runtime-${version}-${runtime}`);
  if (existsSync(dir)) return dir;
  mkdirSync(home, { recursive: true });
  const temporary = mkdtempSync(`${dir}-`);
  const wish = ['install', '--quiet', '--no-deps', '--no-compile', '--target', temporary, `vercel-runtime==${version}`];
  await promisify(execFile)(releases.binary(runtime!)!, ['-m', 'pip', ...wish]);
  try {
    renameSync(temporary, dir);
  } catch {
    // Another run was faster.
    rmSync(temporary, { recursive: true });
  }
  return dir;
}

const trampoline = (module: string, variable: string): string => `
import importlib
import os
import os.path
import site
import sys
import time

_vc_boot_start_ms = int(time.monotonic() * 1000)
_here = os.path.dirname(__file__)
os.environ.update({
  "__VC_PY_BOOT_START_MS": str(_vc_boot_start_ms),
  "__VC_HANDLER_MODULE_NAME": "${module}",
  "__VC_HANDLER_ENTRYPOINT": "${module}.py",
  "__VC_HANDLER_ENTRYPOINT_ABS": os.path.join(_here, "${module}.py"),
  "__VC_HANDLER_VENDOR_DIR": "_vendor",
  "__VC_HANDLER_VARIABLE_NAME": "${variable}"
})
_vendor = os.path.normpath(os.path.join(_here, '_vendor'))
if os.path.isdir(_vendor):
    site.addsitedir(_vendor)
    while _vendor in sys.path:
        sys.path.remove(_vendor)
    idx = 1 if (sys.path and sys.path[0] in ('', _here)) else 0
    sys.path.insert(idx, _vendor)
    importlib.invalidate_caches()

from vercel_runtime.vc_init import vc_handler
`;

const asgi = `
import asyncio, json
from vercel_runtime import get_deadline

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await receive()
    name = scope["path"].rpartition("/")[2]
    print(f"asgi begins {name}")
    await asyncio.sleep(0.05)
    print(f"asgi ends {name}")
    headers = {key.decode(): value.decode() for key, value in scope["headers"]}
    body = json.dumps({"headers": headers, "deadline": get_deadline().isoformat()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-kind", b"asgi")]})
    await send({"type": "http.response.body", "body": body})
    if name == "after":
        await asyncio.sleep(1.5)
        print("after the answer")
`;

const wsgi = `
import json, time
from vercel_runtime import get_deadline

def app(environ, start_response):
    name = environ["PATH_INFO"].rpartition("/")[2]
    print(f"wsgi begins {name}")
    time.sleep(0.05)
    print(f"wsgi ends {name}")
    headers = {key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")}
    start_response("200 OK", [("x-kind", "wsgi")])
    return [json.dumps({"headers": headers, "deadline": get_deadline().isoformat()}).encode()]
`;

const handler = `
import json, logging, time
from http.server import BaseHTTPRequestHandler
from vercel_runtime import get_deadline

class handler(BaseHTTPRequestHandler):
    def do_POST(self):
        name = self.path.rpartition("/")[2]
        logging.warning(f"handler begins {name}")
        time.sleep(0.05)
        print(f"handler ends {name}")
        body = json.dumps({
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "deadline": get_deadline().isoformat(),
            "body": self.rfile.read(int(self.headers["content-length"])).decode(),
        }).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-kind", "handler")
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST
`;

async function deployed(context: TestContext): Promise<Weir> {
  const vendor = await installed();
  const config = { runtime, handler: 'vc__handler__python.vc_handler', supportsResponseStreaming: true };
  const environment = { PYTHONPATH: '_vendor', PYTHONDONTWRITEBYTECODE: '1' };
  const files: Record<string, string> = {};
  const sources = { asgi, wsgi, handler };
  for (const [name, source] of Object.entries(sources)) {
    const func = `.vercel/output/functions/${name}.func`;
    files[`${func}/.vc-config.json`] = JSON.stringify({ ...config, maxDuration: 60, environment });
    files[`${func}/vc__handler__python.py`] = trampoline(name, name === 'handler' ? 'handler' : 'app');
    files[`${func}/${name}.py`] = source;
  }
  const routes = Object.keys(sources).map((name) => ({ src: `/${name}/.*`, dest: `/${name}` }));
  files['.vercel/output/config.json'] = JSON.stringify({ version: 3, routes });
  const dir = project(context, files);
  for (const name of Object.keys(sources)) {
    cpSync(vendor, join(dir, '.vercel/output/functions', `${name}.func/_vendor`), { recursive: true });
  }
  return dev(context, dir);
}

if (runtime === null) {
  test(`vercel-runtime needs Python 3.${oldestMinor}, as its metadata says, and this machine has none`, () =>
    undefined);
} else {
  test(`vercel-runtime ${version} on ${runtime}: ASGI, WSGI and handlers, and their lines`, { timeout }, async (t) => {
    const weir = await deployed(t);
    for (const kind of ['asgi', 'wsgi', 'handler']) {
      const names = Array.from({ length: 5 }, (_, index) => `${kind}-${index}`);
      const sent = { 'x-vercel-internal-oidc-token': 'a-client-says', 'x-mine': 'kept', 'content-length': '4' };
      const answers = await Promise.all(names.map((name) => weir.send('POST', `/${kind}/${name}`, 'body', sent)));
      for (const [index, answer] of answers.entries()) {
        const { headers, deadline, body = 'body' } = answer.json();
        assert.deepEqual([answer.status, answer.headers['x-kind'], body], [200, kind, 'body']);
        assert.equal(headers['x-mine'], 'kept');
        const internal = [...Object.keys(headers), ...Object.keys(answer.headers)].filter((name) =>
          name.startsWith('x-vercel-internal'),
        );
        assert.deepEqual(internal, [], 'neither user code nor the client sees what runtime and platform say');
        const leftMs = Date.parse(deadline) - Date.now();
        assert.ok(leftMs > 30_000 && leftMs < 61_000, `${leftMs} ms left of 60 s`);
        const id = String(answer.headers['x-vercel-id']).split('::').at(-1)!;
        for (const what of ['begins', 'ends']) {
          const line = new RegExp(`(inv_[0-9a-f]+).*${kind} ${what} ${names[index]}$`, 'm');
          const [, of] = await weir.printed(line);
          assert.ok(id.endsWith(of!), `${kind} ${what}: ${of} of ${id}`);
        }
      }
    }
    assert.equal(await weir.stop(), 0);
  });

  test('vercel-runtime: a handler goes on until it has said `end`, also when it is drained', { timeout }, async (t) => {
    const weir = await deployed(t);
    assert.equal((await weir.get('/asgi/after')).status, 200);
    const stopped = weir.stop();
    // Longer than what is granted to a process that has nothing to do any more.
    await weir.printed(/after the answer/);
    assert.equal(await stopped, 0);
  });
}
