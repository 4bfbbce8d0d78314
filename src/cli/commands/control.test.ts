// Every command that talks to a control, against a fake one that checks what it is asked.
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parseEnv } from 'node:util';
import { ApiError } from '../../api/errors.ts';
import { crash, deployment, line, project } from '../canned.fixture.ts';
import { fakeControl } from '../control.fixture.ts';
import type { Answers, FakeControl } from '../control.fixture.ts';
import { home, start, weir } from '../run.fixture.ts';
import type { Ended, Home } from '../run.fixture.ts';

interface There {
  readonly control: FakeControl;
  readonly at: Home;
  readonly run: (args: string, input?: string) => Promise<Ended>;
}

async function there(t: TestContext, answers: Answers = {}): Promise<There> {
  const [control, at] = [await fakeControl(t, answers), home(t)];
  return { control, at, run: (args, input) => weir(at, control.environment, args.split(' '), input) };
}

/** That it succeeded, and all of these are in what it printed. */
function printed({ code, out, err }: Ended, ...parts: readonly (string | RegExp)[]): void {
  assert.equal(code, 0, err);
  for (const part of parts) {
    if (typeof part === 'string') assert.ok(out.includes(part), `${part} is not in\n${out}`);
    else assert.match(out, part);
  }
}

test('ls: projects, and deployments of one', async (t) => {
  const { control, run } = await there(t);
  printed(await run('ls'), /^PROJECT {2}LIVE/, /\nshop +dep_newer00001 +http:\/\/shop\.localhost:3000 +2 /);
  printed(await run('ls shop -n 2 --target production'), /\ndep_newer00001 +live +production/, /main 0123456 Prices/);
  assert.deepEqual(control.asked.at(-1)!.query, { limit: 2, target: 'production' });
  const json = JSON.parse((await run('ls shop --json')).out) as { items: { id: string }[] };
  assert.deepEqual(
    json.items.map(({ id }) => id),
    ['dep_newer00001', 'dep_older00001'],
  );
});

test('inspect: by id, by URL, by host, and a project', async (t) => {
  const { run } = await there(t);
  printed(
    await run('inspect dep_newer00001'),
    /^deployment {2}dep_newer00001\n/,
    'alias',
    'api/hello  nodejs24.x',
    '0 5 * * *',
  );
  printed(await run('inspect https://shop.example.com/path'), 'dep_newer00001');
  printed(await run('inspect shop-older00001.localhost'), /^deployment {2}dep_older00001\n/);
  printed(await run('inspect shop'), /^project {3}shop\n/, 'before', '\nDEPLOYMENT');
  const gone = await run('inspect nowhere.example.com');
  assert.deepEqual([gone.code, gone.out], [5, '']);
  assert.match(gone.err, /^weir: no deployment is served at nowhere\.example\.com\n {2}`weir ls PROJECT`/);
});

test('promote: at once, of a preview that is made first, and rolling', async (t) => {
  const made = deployment({ id: 'dep_made000001' });
  const { control, run } = await there(t, {
    promote: ({ params }) => (params.id === 'dep_older00001' ? { ...made, state: 'building' } : deployment()),
    async *deploymentEvents() {
      yield { event: 'log', data: { type: 'log', level: 'info', text: 'compiling', atMs: 1 } };
      yield { event: 'state', data: { type: 'state', deployment: made } };
    },
  });
  printed(await run('promote dep_newer00001'), 'shop is dep_newer00001 now: http://shop.localhost:3000\n');
  const preview = await run('promote dep_older00001');
  printed(preview, 'shop is dep_made000001 now');
  assert.match(preview.err, /making dep_made000001 of the files of dep_older00001\n {2}compiling\n/);
  printed(await run('promote dep_newer00001 --rolling 10:5m,50:90s,100'), /dep_newer00001 has 10 % .*; 100 % at 2026-/);
  assert.deepEqual(control.asked.at(-1)!.body, {
    deployment: 'dep_newer00001',
    stages: [
      { percent: 10, minutes: 5 },
      { percent: 50, minutes: 1.5 },
      { percent: 100, minutes: null },
    ],
  });
  for (const wrong of ['10:5m', '50,10,100', '10:5x,100', '10,100:5m', '0,100']) {
    const { code, err } = await run(`promote dep_newer00001 --rolling ${wrong}`);
    assert.deepEqual([code, /Stages like 10:5m,50:5m,100/.test(err)], [2, true], wrong);
  }
});

test('release: status and steps', async (t) => {
  const { control, run } = await there(t);
  printed(await run('release status shop'), 'shop: no rolling release; all clients have dep_newer00001\n');
  printed(await run('release approve shop'), /100 %/);
  printed(await run('release complete shop'));
  printed(await run('release abort shop --json'), /"release": null/);
  assert.deepEqual(control.calls, ['project', 'approveRelease', 'completeRelease', 'abortRelease']);
});

test('rollback and rm', async (t) => {
  const { control, run } = await there(t);
  printed(await run('rollback shop'), 'shop is dep_older00001 again');
  printed(await run('rollback shop --to dep_newer00001'), 'dep_newer00001 again');
  assert.deepEqual(control.asked.at(-1)!.body, { to: 'dep_newer00001' });
  const asked = await run('rm dep_older00001');
  assert.equal(asked.code, 2);
  assert.match(asked.err, /Delete dep_older00001\? Nobody is there to be asked: --yes/);
  printed(await run('rm dep_older00001 --yes'), 'dep_older00001 is deleted\n');
  printed(await run('rm shop -y'), 'shop is deleted\n');
  const used = await run('rm dep_newer00001 -y');
  assert.deepEqual(
    [used.code, used.err],
    [6, 'weir: Clients are led to this deployment.\n  Promote another one first.\n'],
  );
});

test('logs: the last lines, oldest first, made printable; what is asked for', async (t) => {
  const { control, run } = await there(t);
  const { out } = await run('logs shop --level warn --since 2h --status 5xx --function api/hello -n 5');
  assert.equal(
    out,
    '10:00:00.000 [shop/api/hello] inv_1 hello\n10:00:00.000 [shop/api/hello] inv_1 oh\\u001b[31m no\n',
  );
  assert.deepEqual(control.asked.at(-1)!.query, {
    project: 'shop',
    function: 'api/hello',
    level: 'warn',
    from: '2h',
    status: '5xx',
    limit: 5,
  });
  const records = (await run('logs --json')).out
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as { id: string });
  assert.deepEqual(
    records.map(({ id }) => id),
    ['l1', 'l2'],
  );
  const both = await run('logs -f --status 404');
  assert.equal(both.code, 2);
  assert.match(both.err, /cannot be used with option/);
});

test('logs -f: goes on where the connection was cut, until Ctrl-C', async (t) => {
  let connections = 0;
  const resumed: (string | undefined)[] = [];
  const { control, at } = await there(t, {
    async *logEvents({ headers, response }) {
      connections += 1;
      resumed.push(headers['last-event-id'] as string | undefined);
      yield {
        event: 'line',
        id: `e${connections}`,
        data: line({ id: `e${connections}`, text: `line ${connections}` }),
      };
      if (connections === 1) {
        await new Promise((resolve) => response.write(': all of it has left\n\n', resolve));
        response.destroy();
      } else await new Promise((resolve) => void response.once('close', resolve));
    },
  });
  const running = start(at, control.environment, ['logs', 'shop', '-f']);
  await running.said('line 2');
  running.child.kill('SIGINT');
  const { code, out } = await running.ended();
  assert.equal(code, 130);
  assert.match(out, /hello\n.*no\n.*line 1\n.*line 2\n$/);
  assert.deepEqual(resumed, ['l2', 'e1']);
});

test('env: ls, set, rm, pull', async (t) => {
  const { control, at, run } = await there(t);
  printed(await run('env ls -p shop'), /\nMODEL +small "one" +production, preview/, /\nKEY +secret /);
  printed(await run('env set MODEL=a=b -p shop --target preview'), 'MODEL is set for preview of shop\n');
  assert.deepEqual(control.asked.at(-1)!.body, { value: 'a=b', targets: ['preview'], secret: false });
  printed(await run('env set CERT -p shop', 'line 1\nline 2\n'), 'CERT is set for production and preview');
  assert.deepEqual((control.asked.at(-1)!.body as { value: string }).value, 'line 1\nline 2');
  printed(await run('env rm MODEL -p shop --target preview'), 'MODEL is removed from shop\n');
  assert.equal((await run('env set 1X=y -p shop')).code, 2);
  printed(await run('env pull -p shop'), '.env.local: 1 variables of shop, 1 secrets left out\n');
  const file = join(at.dir, '.env.local');
  assert.deepEqual({ ...parseEnv(readFileSync(file, 'utf8')) }, { MODEL: 'small "one"' });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const again = await run('env pull -p shop');
  assert.deepEqual([again.code, again.err], [2, 'weir: .env.local: is there already: --yes replaces it\n']);
  printed(await run('env pull -p shop --yes --target production --json'), /"variables": 2/);
});

test('secret: the value is piped or asked for, never an argument', async (t) => {
  const { control, run } = await there(t);
  printed(await run('secret set API_KEY -p shop', 's3cret\n'), 'API_KEY is set');
  assert.deepEqual(control.asked.at(-1)!.body, { value: 's3cret', targets: ['production', 'preview'], secret: true });
  const seen = await run('secret set API_KEY=x -p shop');
  assert.deepEqual([seen.code, /seen by others/.test(seen.err)], [2, true]);
  const { out } = await run('secret ls -p shop');
  assert.ok(out.includes('KEY') && !out.includes('MODEL'));
  assert.equal((await run('secret rm KEY -p shop')).code, 5);
});

test('the project of a directory is the one that is meant', async (t) => {
  const { control, at, run } = await there(t);
  writeFileSync(join(at.dir, 'weir.json'), '{"name":"shop"}');
  printed(await run('env ls'));
  assert.deepEqual(control.asked.at(-1)!.params, { project: 'shop' });
  writeFileSync(join(at.dir, 'weir.json'), '{"name":"other"}');
  const other = await run('rollback');
  assert.deepEqual([other.code, other.err], [5, 'weir: There is no project other.\n  weir ls lists all projects.\n']);
});

test('domains', async (t) => {
  const { run } = await there(t, {
    addDomain: () => {
      throw new ApiError('DOMAIN_TAKEN');
    },
  });
  printed(await run('domains ls'), /\nshop\.example\.com +shop +production/);
  printed(await run('domains rm shop.example.com -p shop'), 'shop.example.com leads to shop no more\n');
  assert.equal((await run('domains rm x.example.com -p shop')).code, 5);
  const taken = await run('domains add Shop.example.com -p shop');
  assert.equal(taken.code, 6);
  assert.match(taken.err, /another project\.\n {2}Remove it there first/);
});

test('usage: a bill, for a spreadsheet, and by function', async (t) => {
  const { control, run } = await there(t);
  const bill = await run('usage --month 2026-11');
  printed(
    bill,
    /^2026-11-01 to 2026-12-01 \(UTC\)\n/,
    /Active CPU +2\.50 hour +\$0\.128 +\$0\.32\n/,
    '\nTotal $1.46\n',
  );
  printed(bill, 'One invocation an instance would have cost $20.00: $18.54 saved (92.7 %), 120 GB-hours not held');
  assert.deepEqual(control.asked.at(-1)!.query, { month: '2026-11' });
  printed(await run('usage --csv --project shop'), /^project,what,amount\n/);
  printed(await run('usage --by function --since 7d'), /\nshop\/api\/hello +1234 +5 +10 ms +50 ms +1\.5 s/);
  printed(await run('usage --json'), /"savedGbHours": 120/);
  assert.equal((await run('usage --month 2026-11 --since 7d')).code, 2);
});

test('usage: what is less than a cent is said to be, everywhere', async (t) => {
  const { run } = await there(t, {
    bill: ({ query }) => {
      const tiny = { totalUsd: 0, onePerInstanceUsd: 0.0204, savedUsd: 0.02, savedPercent: 98 };
      const more = { totalUsd: 0.0005, onePerInstanceUsd: 0.0004, savedUsd: -0.0001, savedPercent: -25 };
      const sums = query.month === '2026-10' ? more : tiny;
      const lines = [{ what: 'Active CPU', quantity: 0.003, unit: 'hours', unitUsd: 0.128, amountUsd: 0 }];
      const projects = [{ project: 'shop', lines, ...sums }];
      return { fromMs: Date.UTC(2026, 9, 1), toMs: Date.UTC(2026, 10, 1), projects, ...sums, savedGbHours: 0.1 };
    },
  });
  const tiny = await run('usage');
  printed(tiny, /Active CPU +0\.0030 hours +\$0\.128 +< \$0\.01\n/, '\nTotal < $0.01\n');
  printed(tiny, 'would have cost $0.02: $0.02 saved (98.0 %), 0.1000 GB-hours not held');
  const more = await run('usage --month 2026-10');
  printed(more, 'would have cost < $0.01, which is no more');
  assert.doesNotMatch(more.out, /-\$|-25/);
});

test('cron: ls, runs, run, pause, resume', async (t) => {
  const { control, run } = await there(t);
  printed(await run('cron ls shop'), /\nshop-1 +0 5 \* \* \* +\/api\/report +2026-11-26 11:00:00 UTC +answered 200/);
  printed(await run('cron runs shop-1'), /answered 200 +200 ms +inv_1/);
  printed(await run('cron run shop-1'), '/api/report: running');
  printed(await run('cron pause shop-1'), '/api/report is paused\n');
  printed(await run('cron resume shop-1'), '/api/report is called again\n');
  assert.deepEqual(
    control.asked.slice(-2).map(({ body }) => body),
    [{ enabled: false }, { enabled: true }],
  );
  assert.equal((await run('cron run shop-9')).code, 5);
});

test('token: the secret alone is on standard output', async (t) => {
  const { control, run } = await there(t);
  const made = await run('token create ci --days 90');
  assert.deepEqual([made.code, made.out], [0, 'weir_secret\n']);
  assert.match(made.err, /shown this once/);
  assert.deepEqual(control.asked.at(-1)!.body, { name: 'ci', role: 'deploy', days: 90 });
  printed(await run('token ls'), /\ntok_1 +laptop +admin/);
  printed(await run('token rm tok_1'), 'tok_1 is revoked\n');
  assert.equal((await run('token rm tok_9')).code, 5);
  printed(await run('audit -p shop'), /laptop +deployment\.promote +shop +dep_newer00001 +127\.0\.0\.1/);
});

test('invocations, and one by its phases', async (t) => {
  const { control, run } = await there(t);
  printed(await run('invocations shop --failed --slower 100 --start cold'), /inv_1 +200 +120 ms +12 ms +cold/);
  assert.deepEqual(control.asked.at(-1)!.query, {
    project: 'shop',
    failed: true,
    slowerThanMs: 100,
    start: 'cold',
    limit: 20,
  });
  const one = await run('invocation inv_1');
  printed(one, /\n {2}placed +40 ms {2} *█+\n/, /\n {2}settled +20 ms {2} +█+\n/, 'hello');
  assert.equal((await run('invocation inv_2')).code, 5);
});

test('crashes: what is known of the end; in full, with the stack', async (t) => {
  const killed = crash({ id: '6', exitCode: null, signal: 'SIGKILL', stack: null, invocation: null, lost: [] });
  const bare = { ...killed, id: '5', signal: null, memoryBytes: null, cpuMs: null };
  const { control, run } = await there(t, {
    crashes: ({ query }) =>
      query.cursor === undefined ? { items: [crash(), killed], next: '6' } : { items: [bare], next: null },
  });
  const all = await run('crashes shop --function api/hello --since 24h -n 2');
  printed(all, /^WHEN +CRASH/, /10:00:00 +7 +shop\/api\/hello +ins_1 +1 +inv_1 +2 +50 MB +813 ms +an error that/);
  printed(all, /\n.* 6 .* SIGKILL +- +0 /);
  assert.deepEqual(control.asked[0]!.query, { project: 'shop', function: 'api/hello', from: '24h', limit: 2 });
  printed(await run('crashes --stack'), /at pay \(pay\.js:3:9\)\n\ncrash +6\n/, /\n {2}no stack was left\n$/);
  printed(await run('crashes --json'), /"reason": "an error that nobody caught"/);
  printed(await run('crash 7'), /^crash +7\n/, 'blamed    inv_1', '2 invocations: inv_1, inv_2', '\n  Error: no\n');
  printed(await run('crash 5'), /exit +unknown/, /memory +unknown/);
  printed(await run('crash 6 --json'), /^\{\n {2}"id": "6"/);
  assert.equal((await run('crash 9')).code, 5);
});

test('explain: of the control that is meant', async (t) => {
  const { run, at, control } = await there(t, {
    explain: ({ query }) => {
      if (query.function === 'gone') throw new ApiError('FUNCTION_NOT_FOUND');
      const label = { label: 'shop/x', retired: false };
      const candidates = [
        { id: 'a/x', ...label },
        { id: 'b/x', ...label },
      ];
      if (query.function === 'several') return { kind: 'ambiguous', name: 'several', candidates };
      if (query.function === 'idle') return { kind: 'idle', function: candidates[0] };
      return { kind: 'list', functions: [{ id: 'dep_newer00001/api/hello', label: 'shop/api/hello', retired: false }] };
    },
  });
  printed(await run('explain'), 'Functions\n  shop/api/hello\n');
  assert.equal((await run('explain gone')).code, 5);
  printed(await run('explain --json'), /"functions"/);
  const several = await run('explain several');
  assert.deepEqual(
    [several.code, several.err],
    [2, 'weir: several functions are called several: say which\n  a/x\n  b/x\n'],
  );
  printed(await run('explain idle'), 'shop/x\n  nothing has been asked of it yet\n');
  // What is said of a platform at a URL is not asked of the control.
  const asked = control.calls.length;
  const elsewhere = await weir(at, control.environment, ['explain', '--url', 'http://127.0.0.1:1']);
  assert.deepEqual([elsewhere.code, control.calls.length], [1, asked]);
});

test('open prints where it is', async (t) => {
  const { control, run } = await there(t, {
    project: ({ params }) => project(params.project === 'new' ? { liveUrl: null } : {}),
  });
  printed(await run('open'), `${control.url}/\n`);
  printed(await run('open shop --print'), 'http://shop.localhost:3000\n');
  assert.equal((await run('open new')).code, 6);
});

test('doctor: a line each, and 1 when one fails', async (t) => {
  const { at, control, run } = await there(t);
  const { out, code } = await run('doctor');
  assert.match(out, /^ok {4}Node +24\./m);
  assert.match(out, /^ok {4}control +http:\/\/127\.0\.0\.1:\d+ \(by WEIR_URL\) answers within/m);
  assert.match(out, /^ok {4}token +laptop \(admin\)/m);
  assert.match(out, /^ok {4}versions +0\.1\.0 here and there/m);
  assert.equal(code, /^fail/m.test(out) ? 1 : 0);
  const wrong = await weir(at, { ...control.environment, WEIR_TOKEN: 'no' }, ['doctor', '--json']);
  assert.equal(wrong.code, 1);
  const { findings } = JSON.parse(wrong.out) as { findings: { check: string; verdict: string; next: string }[] };
  const token = findings.find(({ check }) => check === 'token')!;
  assert.deepEqual([token.verdict, /Set WEIR_TOKEN/.test(token.next)], ['fail', true]);
});

test('errors as JSON, on standard error', async (t) => {
  const { run } = await there(t);
  const { code, out, err } = await run('inspect dep_gone000001 --json');
  assert.deepEqual([code, out], [5, '']);
  assert.deepEqual(JSON.parse(err), {
    error: {
      code: 'DEPLOYMENT_NOT_FOUND',
      message: 'There is no such deployment.',
      next: 'weir ls PROJECT lists its deployments.',
      exitCode: 5,
    },
  });
});
