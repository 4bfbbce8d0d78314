import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeControl, fakeToken } from '../control.fixture.ts';
import { home, weir } from '../run.fixture.ts';

const configOf = (environment: Readonly<Record<string, string>>): string =>
  join(environment['XDG_CONFIG_HOME']!, 'weir/config.json');

/** As `weir serve` writes it. */
function local(environment: Readonly<Record<string, string>>, url: string, token: string): void {
  const dir = join(environment['XDG_STATE_HOME']!, 'weir/control');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'local.json'), JSON.stringify({ url, token }), { mode: 0o600 });
}

test('nothing runs here, and nobody is logged in', async (t) => {
  const { code, out, err } = await weir(home(t), {}, ['ls']);
  assert.deepEqual([code, out], [3, '']);
  assert.match(
    err,
    /^weir: no control is running on this machine, .*\n {2}`weir serve` starts one here; `weir login URL`/,
  );
});

test('the control of this machine needs no login', async (t) => {
  const [control, at] = [await fakeControl(t), home(t)];
  local(at.environment, control.url, fakeToken);
  const { code, out } = await weir(at, {}, ['ls']);
  assert.deepEqual([code, /\nshop /.test(out)], [0, true]);
});

test('what is said is stronger: --context, the environment, a login, the control of this machine', async (t) => {
  const at = home(t);
  const [byContext, byEnvironment] = [await fakeControl(t), await fakeControl(t)];
  const [byLogin, here] = [await fakeControl(t), await fakeControl(t)];
  const controls = [byContext, byEnvironment, byLogin, here];
  local(at.environment, here.url, fakeToken);
  const asked = async (environment: Readonly<Record<string, string>>, ...args: string[]): Promise<number> => {
    const before = controls.map(({ calls }) => calls.length);
    assert.equal((await weir(at, environment, ['ls', ...args])).code, 0);
    return controls.findIndex(({ calls }, index) => calls.length > before[index]!);
  };
  assert.equal(await asked({}), 3);
  await weir(at, {}, ['login', byContext.url, '--name', 'other'], fakeToken);
  await weir(at, {}, ['login', byLogin.url, '--name', 'mine'], fakeToken);
  assert.equal(await asked({}), 2);
  assert.equal(await asked(byEnvironment.environment), 1);
  assert.equal(await asked(byEnvironment.environment, '--context', 'other'), 0);
  assert.equal((await weir(at, {}, ['logout'])).code, 0);
  assert.equal(await asked({}), 0);
  assert.equal((await weir(at, {}, ['logout'])).code, 0);
  assert.equal(await asked({}), 3);
  const gone = await weir(at, {}, ['ls', '--context', 'other']);
  assert.deepEqual(
    [gone.code, gone.err],
    [2, 'weir: --context other: there is no such context; you are not logged in anywhere\n'],
  );
});

test('login: the token is checked, and kept for its owner alone', async (t) => {
  const [control, at] = [await fakeControl(t), home(t)];
  const wrong = await weir(at, {}, ['login', control.url], 'weir_wrong\n');
  assert.equal(wrong.code, 4);
  assert.match(
    wrong.err,
    /not known here, or was revoked\.\n {2}`weir login http:\S+` with one that `weir token create NAME`/,
  );
  const none = await weir(at, {}, ['login', control.url]);
  assert.deepEqual([none.code, /no token was given/.test(none.err)], [2, true]);
  const { code, out } = await weir(at, {}, ['login', control.url.replace('http://', '')], `${fakeToken}\n`);
  assert.deepEqual([code, out], [0, `logged in to ${control.url} as laptop (admin)\n`]);
  const file = configOf(at.environment);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const name = new URL(control.url).host;
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
    current: name,
    contexts: { [name]: { url: control.url, token: fakeToken } },
  });
  const json = await weir(at, {}, ['login', control.url, '--token', fakeToken, '--json']);
  assert.equal((JSON.parse(json.out) as { context: string }).context, name);
  assert.ok(!json.out.includes(fakeToken));
});

test('nothing listens there: what to look at depends on who said where', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => void server.close(resolve));
  const at = home(t);
  local(at.environment, url, 'x');
  const here = await weir(at, {}, ['ls']);
  assert.deepEqual(
    [here.code, here.err],
    [
      3,
      `weir: ${url} cannot be reached: nothing listens there\n  It has ended without saying so: \`weir serve\` starts it.\n`,
    ],
  );
  const set = await weir(at, { WEIR_URL: url }, ['ls']);
  assert.match(set.err, /\n {2}Is WEIR_URL right/);
  const wrong = await weir(at, { WEIR_URL: 'ftp://x' }, ['ls']);
  assert.deepEqual([wrong.code, wrong.err.startsWith('weir: WEIR_URL: an address like')], [2, true]);
});

test('a token that is not known, or whose role does not allow it', async (t) => {
  const { ApiError } = await import('../../api/errors.ts');
  const refused = (): never => {
    throw new ApiError('NOT_ALLOWED');
  };
  const [control, at] = [await fakeControl(t, { tokens: refused }), home(t)];
  const unknown = await weir(at, { WEIR_URL: control.url, WEIR_TOKEN: 'no' }, ['ls']);
  assert.deepEqual([unknown.code, /Set WEIR_TOKEN to one/.test(unknown.err)], [4, true]);
  const role = await weir(at, control.environment, ['token', 'ls']);
  assert.deepEqual([role.code, role.err], [4, 'weir: The role of this token does not allow it.\n']);
});

test('what answers is no control', async (t) => {
  const { createServer: http } = await import('node:http');
  const server = http((_, response) => void response.writeHead(502).end('<h1>Bad gateway</h1>')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, err } = await weir(home(t), { WEIR_URL: url }, ['ls']);
  assert.equal(code, 1);
  assert.match(
    err,
    /answered 502, which is no answer of Weir's\n {2}Is http:\/\/127\.0\.0\.1:\d+ the address of a control\?\n$/,
  );
});

test('a configuration that is none of ours is told, and left alone', async (t) => {
  const at = home(t);
  mkdirSync(join(at.environment['XDG_CONFIG_HOME']!, 'weir'));
  writeFileSync(configOf(at.environment), '[');
  const { code, err } = await weir(at, {}, ['ls']);
  assert.deepEqual([code, /config\.json: not what weir login writes/.test(err)], [2, true]);
  assert.equal(readFileSync(configOf(at.environment), 'utf8'), '[');
});
