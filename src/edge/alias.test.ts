import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { choose, namesOf, rolloutOf } from './alias.ts';
import type { Choice, Facts, Ways } from './alias.ts';
import { factsOf } from './client-facts.ts';

interface Served {
  readonly deployment: { readonly id: string; readonly ownId?: string; readonly createdMs?: number };
}

const hourMs = 3_600_000;
const nowMs = 1_700_000_000_000;
const served = (id: string, more: Omit<Served['deployment'], 'id'> = {}): Served => ({ deployment: { id, ...more } });
const main = served('dpl_main', { createdMs: nowMs - 100 * hourMs });
const canary = served('dpl_canary', { ownId: 'sha-canary' });
const old = served('dpl_old', { ownId: 'sha-old', createdMs: nowMs - hourMs });
const ancient = served('dpl_ancient', { createdMs: nowMs - 24 * hourMs });
const undated = served('dpl_undated');

const nobody: Facts = {
  address: '192.0.2.1',
  secure: false,
  query: '',
  cookie: '',
  deploymentId: '',
  fetchDest: '',
  fetchMode: '',
  fetchSite: '',
};
const rolling = (percent: number, to = canary): Ways<Served> => ({
  main,
  rollout: rolloutOf('demo', to, { percent }),
  older: null,
});
const named = namesOf([main, canary, old, ancient, undated]);
const holding: Ways<Served> = { main, rollout: null, older: { named, maxAgeMs: 24 * hourMs } };

function ask(ways: Ways<Served>, facts: Partial<Facts>): Choice<Served> & { kind: 'found' } {
  const choice = choose(ways, { ...nobody, ...facts }, nowMs);
  assert.ok(choice.kind === 'found');
  return choice;
}
const idOf = (ways: Ways<Served>, facts: Partial<Facts> = {}): string => {
  const choice = choose(ways, { ...nobody, ...facts }, nowMs);
  return choice.kind === 'found' ? choice.to.deployment.id : choice.kind;
};
/** What a browser sends back. */
const returned = (setCookie: string | null): string => setCookie!.slice(0, setCookie!.indexOf(';'));
const cookieName = rolling(1).rollout!.cookieName;
const address = (at: number): string => `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`;

test('a client keeps its place, wherever it comes from; a larger share has those in it that a smaller one had', () => {
  const percents = fc.double({ min: 0, max: 100, noNaN: true });
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV6(), percents, percents, (first, second, one, other) => {
      const [less, more] = one < other ? [one, other] : [other, one];
      const came = ask(rolling(less), { address: first });
      const cookie = returned(came.setCookie);
      const again = ask(rolling(less), { address: second, cookie });
      assert.equal(again.to, came.to);
      assert.equal(again.setCookie, null);
      for (const facts of [{ address: second, cookie }, { address: first }]) {
        const later = ask(rolling(more), facts);
        if (came.to === canary) assert.equal(later.to, canary);
      }
      assert.equal(ask(rolling(0), { cookie }).to, main);
      assert.equal(ask(rolling(100), { cookie }).to, canary);
    }),
  );
});

test('10,000 clients are divided as the release says, within 2 %', () => {
  for (const percent of [0, 0.5, 5, 10, 33, 50, 90, 99, 100]) {
    let count = 0;
    for (let at = 0; at < 10_000; at += 1) {
      if (ask(rolling(percent), { address: address(at) }).to === canary) count += 1;
    }
    assert.ok(Math.abs(count - percent * 100) <= 200, `${count} of ${percent} %`);
    if (percent === 0) assert.equal(count, 0);
    if (percent === 100) assert.equal(count, 10_000);
  }
});

test('a share ends before the client whose place it is', () => {
  const at = (percent: number, place: string): string =>
    idOf(rolling(percent), { cookie: `${cookieName}=dpl_canary|${place}` });
  assert.deepEqual([at(0, '0'), at(29, '0.289999'), at(29, '0.29')], ['dpl_main', 'dpl_canary', 'dpl_main']);
  assert.deepEqual([at(99.9999, '0.999999'), at(100, '0.999999')], ['dpl_main', 'dpl_canary']);
});

test('those who are first with one release are not with the next', () => {
  const next = served('dpl_next');
  let both = 0;
  for (let at = 0; at < 10_000; at += 1) {
    const facts = { address: address(at) };
    if (ask(rolling(10), facts).to === canary && ask(rolling(10, next), facts).to === next) both += 1;
  }
  assert.ok(both > 0 && both < 300, `${both} of 1000 are`);
});

test('the cookie is for the browser alone, and over https when the request was', () => {
  const { setCookie } = ask(rolling(50), {});
  assert.match(cookieName, /^_vcrr_[0-9a-f]{10}$/);
  const text = new RegExp(`^${cookieName}=dpl_canary\\|0\\.\\d{6}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax$`);
  assert.match(setCookie!, text);
  assert.equal(ask(rolling(50), { secure: true }).setCookie, `${setCookie!}; Secure`);
  assert.notEqual(rolloutOf('other', canary, { percent: 1 }).cookieName, cookieName);
});

test('a cookie is taken for what it says only when it can be one', () => {
  const fresh = ask(rolling(50), {});
  const takes = (value: string): boolean => {
    const choice = ask(rolling(50), { cookie: `a=b; ${cookieName}=${value}; c=d` });
    if (choice.setCookie === null) return true;
    assert.deepEqual(choice, fresh, value);
    return false;
  };
  for (const value of ['dpl_canary|0.1', 'dpl_canary|0', 'dpl_canary|0.999999', 'dpl_canary|1|forced']) {
    assert.ok(takes(value), value);
  }
  const wrong = ['', '|', '0.1', 'dpl_canary', 'dpl_canary|', 'dpl_canary|1', 'dpl_canary|-0.1', 'dpl_canary|1e-9'];
  wrong.push('dpl_canary|0.1|forced', 'dpl_canary|0.1|x', 'dpl_canary|NaN', `dpl_canary|0.${'1'.repeat(4000)}`);
  wrong.push('dpl_other|0.1', 'dpl_canary2|0.1', 'dpl_canary|0x1', 'dpl_canary|forced|0.1');
  for (const value of wrong) assert.ok(!takes(value), value);
  fc.assert(fc.property(fc.string(), (value) => void idOf(rolling(50), { cookie: `${cookieName}=${value}` })));
});

test('who is forced stays so, at any share; forcing again changes the cookie', () => {
  const first = ask(rolling(0), { query: 'a=1&vcrrForceCanary=true' });
  assert.equal(first.to, canary);
  const cookie = returned(first.setCookie);
  assert.equal(cookie, `${cookieName}=dpl_canary|0|forced`);
  assert.deepEqual(ask(rolling(0), { cookie }), { kind: 'found', to: canary, setCookie: null });
  assert.equal(ask(rolling(0), { cookie, query: 'vcrrForceCanary=true' }).setCookie, null);
  const back = ask(rolling(100), { cookie, query: 'vcrrForceStable=true' });
  assert.equal(back.to, main);
  assert.equal(idOf(rolling(100), { cookie: returned(back.setCookie) }), 'dpl_main');
  for (const query of ['vcrrForceCanary=1', 'vcrrForceCanary', 'vcrrForceStable=false', 'xvcrrForceCanary=true']) {
    assert.deepEqual(ask(rolling(0), { query }), ask(rolling(0), {}), query);
  }
  // The forced place of another release is none of this one's.
  assert.equal(idOf(rolling(0, served('dpl_next')), { cookie }), 'dpl_main');
});

test('a client that holds on to a deployment gets it, by any of its names, while it is young enough', () => {
  assert.equal(idOf(holding), 'dpl_main');
  for (const name of ['dpl_old', 'sha-old']) {
    assert.equal(idOf(holding, { query: `a=1&dpl=${name}` }), 'dpl_old');
    assert.equal(idOf(holding, { deploymentId: name }), 'dpl_old');
    assert.equal(idOf(holding, { cookie: `a=1; __vdpl=${name}` }), 'dpl_old');
  }
  for (const name of ['dpl_ancient', 'dpl_undated', 'dpl_none', '../x']) {
    assert.equal(idOf(holding, { query: `dpl=${name}` }), 'gone', name);
    assert.equal(idOf(holding, { deploymentId: name }), 'gone', name);
    assert.equal(idOf(holding, { cookie: `__vdpl=${name}` }), 'dpl_main', name);
  }
  // What the alias leads to is never too old, and needs no date.
  assert.equal(idOf(holding, { query: 'dpl=dpl_main' }), 'dpl_main');
  const both = { ...rolling(0), older: holding.older };
  assert.deepEqual(ask(both, { query: 'dpl=sha-canary' }), { kind: 'found', to: canary, setCookie: null });
  assert.equal(idOf(holding, { query: 'dpl=' }), 'dpl_main');
  assert.equal(idOf(holding, { query: 'dpl=dpl_old', deploymentId: 'dpl_none' }), 'dpl_old');
  const long = choose(holding, { ...nobody, deploymentId: 'x'.repeat(10_000) }, nowMs);
  assert.ok(long.kind === 'gone' && long.detail.length < 300);
});

test('the age at which a deployment is too old', () => {
  const at = (wallMs: number): string => choose(holding, { ...nobody, query: 'dpl=dpl_old' }, wallMs).kind;
  const endMs = old.deployment.createdMs! + 24 * hourMs;
  assert.deepEqual([at(endMs - 1), at(endMs)], ['found', 'gone']);
});

test('pages that are opened go by the cookie alone, and other sites have no say', () => {
  const pins = { query: 'dpl=dpl_none', deploymentId: 'dpl_none' };
  for (const opens of [{ fetchDest: 'document' }, { fetchMode: 'navigate', fetchDest: 'iframe' }]) {
    assert.equal(idOf(holding, { ...pins, ...opens }), 'dpl_main');
    for (const fetchSite of ['none', 'cross-site']) {
      assert.equal(idOf(holding, { ...pins, ...opens, fetchSite, cookie: '__vdpl=dpl_old' }), 'dpl_old');
    }
  }
  const foreign = { fetchSite: 'cross-site', fetchMode: 'cors', fetchDest: 'empty' };
  assert.equal(idOf(holding, { ...pins, ...foreign, cookie: '__vdpl=dpl_old' }), 'dpl_main');
  assert.equal(idOf(holding, { ...pins, ...foreign, fetchSite: 'same-site' }), 'gone');
});

test('without skew protection nothing is held on to', () => {
  const facts = { query: 'dpl=dpl_none', deploymentId: 'dpl_old', cookie: '__vdpl=dpl_old' };
  assert.equal(idOf(rolling(0), facts), 'dpl_main');
});

test('of several that are called the same by their builds the newest is meant; an id goes before', () => {
  const newest = served('dpl_3', { ownId: 'same', createdMs: 3 });
  const names = namesOf([served('dpl_2', { ownId: 'same', createdMs: 2 }), newest, served('dpl_1', { ownId: 'same' })]);
  assert.equal(names.get('same'), newest);
  const plain = served('same');
  assert.equal(namesOf([plain, newest]).get('same'), plain);
});

test('what a request says of its client', () => {
  const raw = ['COOKIE', 'a=1', 'Host', 'h', 'X-Deployment-Id', 'one', 'cookie', 'b=2', 'x-deployment-id', 'two'];
  raw.push('Sec-Fetch-Dest', 'empty', 'sec-fetch-mode', 'cors', 'SEC-FETCH-SITE', 'same-origin', 'accept', 'x');
  assert.deepEqual(factsOf(raw, '/p?dpl=1?', { address: '::1', protocol: 'https' }), {
    address: '::1',
    secure: true,
    query: 'dpl=1?',
    cookie: 'a=1; b=2',
    deploymentId: 'one',
    fetchDest: 'empty',
    fetchMode: 'cors',
    fetchSite: 'same-origin',
  });
  assert.deepEqual(factsOf([], '/', { address: '192.0.2.1', protocol: 'http' }), nobody);
});
