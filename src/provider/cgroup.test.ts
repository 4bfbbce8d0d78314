import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CgroupFiles, openCgroups } from './cgroup.ts';

const self = 100;

/** As much of the kernel's cgroup version 2 as the rules need that this code has to keep. */
class Kernel implements CgroupFiles {
  readonly log: string[] = [];
  readonly procs = new Map<string, Set<number>>();
  readonly texts = new Map<string, string>();
  uid = 1000;
  readOnly = false;

  readonly path: string;

  constructor(path: string) {
    this.path = path;
    this.texts.set('/proc/self/cgroup', `1:name=systemd:/x\n0::${path}\n`);
    this.texts.set(`${this.dir}/cgroup.controllers`, 'cpu memory pids\n');
    this.procs.set(this.dir, new Set([self]));
  }
  get dir(): string {
    return this.path === '/' ? '/sys/fs/cgroup' : `/sys/fs/cgroup${this.path}`;
  }
  read(file: string): string {
    const procs = file.endsWith('/cgroup.procs') ? this.procs.get(file.slice(0, -'/cgroup.procs'.length)) : undefined;
    return procs ? [...procs].join('\n') : (this.texts.get(file) ?? fail('ENOENT', file));
  }
  write(file: string, text: string): void {
    if (this.readOnly) fail('EROFS', file);
    this.log.push(`${file.slice(this.dir.length + 1)}=${text}`);
    const dir = file.slice(0, file.lastIndexOf('/'));
    if (!this.procs.has(dir)) fail('ENOENT', file);
    if (file.endsWith('.swap.max')) fail('ENOENT', file);
    if (file.endsWith('/cgroup.procs')) this.#move(dir, Number(text));
    if (file.endsWith('/cgroup.subtree_control') && text === '+memory' && this.procs.get(dir)?.size)
      fail('EBUSY', file);
    if (file.endsWith('/cgroup.subtree_control')) this.texts.set(file, text);
  }
  mkdir(dir: string): void {
    if (this.readOnly) fail('EROFS', dir);
    if (this.procs.has(dir)) fail('EEXIST', dir);
    this.procs.set(dir, new Set());
  }
  rmdir(dir: string): void {
    if (this.procs.get(dir)?.size) fail('EBUSY', dir);
    if (!this.procs.delete(dir)) fail('ENOENT', dir);
  }
  owner(): number {
    return this.uid;
  }
  #move(to: string, pid: number): void {
    if (to === this.dir && this.texts.get(`${to}/cgroup.subtree_control`) === '+memory') fail('EBUSY', to);
    for (const procs of this.procs.values()) procs.delete(pid);
    this.procs.get(to)?.add(pid);
  }
}
function fail(code: string, file: string): never {
  throw Object.assign(new Error(`${code} ${file}`), { code });
}

const open = (files: Kernel, uid = 1000) => openCgroups({ files, pid: self, uid });
function usable(kernel: Kernel) {
  const access = open(kernel);
  assert.ok(access.kind === 'usable', JSON.stringify(access));
  return access.cgroups;
}
function reason(kernel: Kernel, uid?: number): string {
  const access = open(kernel, uid);
  assert.ok(access.kind === 'unusable');
  assert.deepEqual(kernel.log, [], 'looking changes nothing');
  return access.reason;
}

test('an instance runs in a cgroup of its own with its limit, and everything is given back', () => {
  const kernel = new Kernel('/user.slice/weir.scope');
  const cgroups = usable(kernel);
  const cgroup = cgroups.limit('ins_1', 200, 128);
  assert.ok(cgroup);
  assert.deepEqual(kernel.procs.get(`${kernel.dir}/ins_1`), new Set([200]));
  assert.deepEqual(kernel.procs.get(`${kernel.dir}/weir-platform`), new Set([self]));
  assert.ok(kernel.log.includes(`ins_1/memory.max=${128 * 1024 * 1024}`));
  assert.ok(kernel.log.indexOf('ins_1/memory.oom.group=1') < kernel.log.indexOf('ins_1/cgroup.procs=200'));
  kernel.procs.get(`${kernel.dir}/ins_1`)?.clear();
  cgroup.remove();
  cgroups.close();
  assert.deepEqual([...kernel.procs], [[kernel.dir, new Set([self])]]);
  assert.equal(kernel.texts.get(`${kernel.dir}/cgroup.subtree_control`), '-memory');
});

test('a cgroup that is still busy is removed by close', () => {
  const kernel = new Kernel('/weir.scope');
  const cgroups = usable(kernel);
  cgroups.limit('ins_1', 200, 128)?.remove();
  assert.ok(kernel.log.includes('ins_1/cgroup.kill=1'));
  assert.ok(kernel.procs.has(`${kernel.dir}/ins_1`));
  kernel.procs.get(`${kernel.dir}/ins_1`)?.clear();
  cgroups.close();
  assert.deepEqual([...kernel.procs.keys()], [kernel.dir]);
});

test('the kernel tells whether it killed for want of memory', () => {
  const kernel = new Kernel('/weir.scope');
  const cgroup = usable(kernel).limit('ins_1', 200, 128);
  assert.equal(cgroup?.outOfMemory(), false);
  kernel.texts.set(`${kernel.dir}/ins_1/memory.events`, 'low 0\nmax 9\noom 1\noom_kill 0\n');
  assert.equal(cgroup?.outOfMemory(), false);
  kernel.texts.set(`${kernel.dir}/ins_1/memory.events`, 'low 0\nmax 9\noom 1\noom_kill 1\n');
  assert.equal(cgroup?.outOfMemory(), true);
});

test('an instance that the kernel will not limit runs without', () => {
  const kernel = new Kernel('/weir.scope');
  const cgroups = usable(kernel);
  kernel.readOnly = true;
  assert.equal(cgroups.limit('ins_1', 200, 128), null);
});

test('a cgroup that was not given to Weir is left alone', () => {
  assert.match(reason(new Kernel('/system.slice/weir.service'), 0), /delegated/);
  const others = new Kernel('/user.slice/session.scope');
  others.uid = 0;
  assert.match(reason(others), /delegated/);
  const shared = new Kernel('/user.slice/session.scope');
  shared.procs.get(shared.dir)?.add(77);
  shared.texts.set('/proc/77/stat', '77 (ba) sh) S 1 77 77');
  assert.match(reason(shared), /shares/);
});

test('children of the platform move with it, and the root of a namespace is ours', () => {
  const kernel = new Kernel('/');
  kernel.uid = 0;
  kernel.procs.get(kernel.dir)?.add(101);
  kernel.texts.set('/proc/101/stat', `101 (esbuild) S ${self} 101 101`);
  const access = open(kernel, 0);
  assert.equal(access.kind, 'usable');
  assert.deepEqual(kernel.procs.get('/sys/fs/cgroup/weir-platform'), new Set([self, 101]));
});

test('systems without cgroups, without the controller, or read-only are told apart', () => {
  const none = new Kernel('/');
  none.texts.set('/proc/self/cgroup', '4:memory:/x\n');
  assert.match(reason(none), /no cgroups of version 2/);
  const bare = new Kernel('/');
  bare.texts.set(`${bare.dir}/cgroup.controllers`, 'cpu\n');
  assert.match(reason(bare), /memory controller/);
  const fixed = new Kernel('/');
  fixed.readOnly = true;
  assert.match(reason(fixed), /EROFS/);
});
