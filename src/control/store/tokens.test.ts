import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { limits } from '../../base/limits.ts';
import { ApiError } from '../../api/errors.ts';
import { temporary } from '../../../test/control/rig.ts';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { Authority } from '../api/authority.ts';
import { AuditLog } from './audit.ts';
import { Database } from './database.ts';
import { TokenStore } from './tokens.ts';

function open(t: TestContext, file = ':memory:') {
  const db = new Database(file);
  t.after(() => db.close());
  const clock = new VirtualClock();
  return { db, clock, tokens: new TokenStore(db, clock), audit: new AuditLog(db, clock) };
}

const dayMs = 86_400_000;

test('a token holds until it expires or is revoked, and nothing like it holds', (t) => {
  const { tokens, clock } = open(t);
  assert.equal(tokens.isEmpty, true);
  const { secret, token } = tokens.create('ci', 'deploy', 2);
  const lasting = tokens.create('admin', 'admin', null);
  assert.equal(tokens.isEmpty, false);
  assert.match(secret, /^weir_[\w-]{43}$/);
  assert.deepEqual(tokens.present(secret), { id: token.id, name: 'ci', role: 'deploy' });
  for (const wrong of [secret.slice(0, -1), `${secret}x`, secret.toLowerCase(), secret.slice(5), '', token.id])
    if (wrong !== secret) assert.equal(tokens.present(wrong), null);
  clock.advance(2 * dayMs - 1);
  assert.notEqual(tokens.present(secret), null);
  clock.advance(1);
  assert.equal(tokens.present(secret), null, 'at its very end');
  assert.notEqual(tokens.present(lasting.secret), null);
  tokens.revoke(lasting.token.id);
  assert.equal(tokens.present(lasting.secret), null);
  assert.equal(tokens.find(lasting.token.id), null);
});

test('others that may do everything: neither revoked, nor expired, nor of a lesser role', (t) => {
  const { tokens, clock } = open(t);
  const one = tokens.create('one', 'admin', null).token;
  tokens.create('ci', 'deploy', null);
  assert.equal(tokens.otherAdmins(one.id), 0);
  const two = tokens.create('two', 'admin', 1).token;
  assert.equal(tokens.otherAdmins(one.id), 1);
  clock.advance(dayMs);
  assert.equal(tokens.otherAdmins(one.id), 0);
  assert.equal(tokens.otherAdmins(two.id), 1);
});

test('when it was used is noted, not at every use; one of this process is nowhere', (t) => {
  const { tokens, clock, db } = open(t);
  const { secret, token } = tokens.create('ci', 'read', null);
  const usedMs = () => tokens.find(token.id)!.lastUsedMs;
  assert.equal(usedMs(), null);
  tokens.present(secret);
  const firstMs = usedMs();
  clock.advance(limits.tokenUseNotedMs);
  tokens.present(secret);
  assert.equal(usedMs(), firstMs);
  clock.advance(1);
  tokens.present(secret);
  assert.equal(usedMs(), firstMs! + limits.tokenUseNotedMs + 1);
  const own = tokens.createOwn('this machine');
  assert.equal(tokens.present(own)!.role, 'admin');
  assert.equal(tokens.list().length, 1);
  // Where nothing can be written, whoever may make room is let in.
  clock.advance(limits.tokenUseNotedMs * 2);
  db.run('pragma query_only = on');
  assert.notEqual(tokens.present(secret), null);
});

test('the database has no secret in it', (t) => {
  const dir = temporary(t);
  const { tokens } = open(t, join(dir, 'weir.db'));
  const { secret } = tokens.create('ci', 'admin', null);
  for (const name of ['weir.db', 'weir.db-wal']) {
    const bytes = readFileSync(join(dir, name)).toString('latin1');
    assert.equal(bytes.includes(secret), false, name);
    assert.equal(bytes.includes(secret.slice(5)), false, name);
  }
});

test('the audit log keeps the newest, and pages through them', (t) => {
  const { audit, db } = open(t);
  const most = limits.auditEntries;
  db.run(
    `with recursive n (seq) as (select 1 union all select seq + 1 from n where seq < ?)
     insert into audit (seq, at_ms, actor, action, project) select seq, 0, 'x', 'old', 'p' from n`,
    most,
  );
  for (let count = 0; count < 5; count += 1)
    audit.write({ tokenId: 't', name: 'ci', role: 'deploy', address: '::1' }, { action: 'new', project: `q${count}` });
  const [row] = db.all<{ n: number }>('select count(*) as n from audit');
  assert.equal(row!.n, most);
  const first = audit.list({ limit: 3 });
  assert.deepEqual(
    first.items.map(({ project }) => project),
    ['q4', 'q3', 'q2'],
  );
  assert.deepEqual(
    { ...first.items[0], id: null },
    {
      id: null,
      atMs: 1_700_000_000_000,
      actor: 'ci',
      action: 'new',
      project: 'q4',
      subject: null,
      detail: null,
      address: '::1',
    },
  );
  const second = audit.list({ limit: 3, cursor: first.next! });
  assert.deepEqual(
    second.items.map(({ project }) => project),
    ['q1', 'q0', 'p'],
  );
  assert.equal(audit.list({ project: 'q2', limit: 3 }).next, null);
  for (const cursor of ['x', '-1', '1e3', '', ' 1', '9'.repeat(40)])
    assert.throws(
      () => audit.list({ limit: 3, cursor }),
      (error: unknown) => error instanceof ApiError,
      cursor,
    );
});

test('who tries tokens is slowed down by address; a right one is let in all the while', (t) => {
  const { tokens, clock } = open(t);
  clock.advance(60_000);
  const authority = new Authority(tokens, clock);
  const { secret } = tokens.create('ci', 'deploy', null);
  const right = `Bearer ${secret}`;
  const codeOf = (header: string | undefined, address = '10.0.0.1', role: 'read' | 'deploy' | 'admin' = 'read') => {
    try {
      return authority.admit(header, address, role).name;
    } catch (error) {
      return (error as ApiError).code;
    }
  };
  assert.equal(codeOf(undefined), 'NO_TOKEN');
  assert.equal(codeOf(right), 'ci');
  assert.equal(codeOf(`bearer   ${secret}`), 'ci');
  assert.equal(codeOf(right, '::1', 'deploy'), 'ci');
  assert.equal(codeOf(right, '::1', 'admin'), 'NOT_ALLOWED');
  const wrong = [
    secret,
    `Basic ${secret}`,
    `Bearer ${secret} x`,
    `Bearer ${secret}\r\nX: y`,
    'Bearer ',
    '',
    'Bearer weir_x',
  ];
  for (let count = 0; count < limits.wrongTokensPerMinute; count += 1)
    assert.equal(codeOf(wrong[count % wrong.length]), 'WRONG_TOKEN');
  assert.equal(codeOf('Bearer wrong-one'), 'TOO_MANY_REQUESTS');
  assert.equal(codeOf(right), 'ci', 'others are behind the same proxy');
  assert.equal(codeOf('Bearer wrong-one', '10.0.0.2'), 'WRONG_TOKEN');
  clock.advance(60_000);
  assert.equal(codeOf('Bearer wrong-one'), 'WRONG_TOKEN');
});
