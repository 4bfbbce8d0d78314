import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FamilyFiles, gatherFamily } from './cgroup-family.ts';

/** As much of the kernel as is asked: who is whose child, and where each is. */
class Kernel implements FamilyFiles {
  readonly processes = new Map<number, { parent: number; cgroup: string }>([[1, { parent: 0, cgroup: '/ins_1' }]]);
  moving: (pid: number) => void = () => undefined;

  fork(pid: number, parent: number, cgroup = this.processes.get(parent)!.cgroup): void {
    this.processes.set(pid, { parent, cgroup });
  }
  outside(): number[] {
    return [...this.processes].filter(([, { cgroup }]) => cgroup !== '/ins_1').map(([pid]) => pid);
  }
  list(directory: string): string[] {
    return [directory.split('/')[2]!];
  }
  read(file: string): string | null {
    const pid = Number(file.split('/')[2]);
    if (file.endsWith('/cgroup')) {
      const found = this.processes.get(pid);
      return found === undefined ? null : `1:name=systemd:/x\n0::${found.cgroup}\n`;
    }
    const children = [...this.processes].filter(([, { parent }]) => parent === pid);
    return children.map(([child]) => child).join(' ');
  }
  write(file: string, text: string): void {
    assert.equal(file, '/sys/fs/cgroup/ins_1/cgroup.procs');
    this.moving(Number(text));
    const found = this.processes.get(Number(text));
    if (found === undefined) throw new Error('ESRCH');
    found.cgroup = '/ins_1';
  }
}

test('what a process forked before it was moved is moved after it', () => {
  const kernel = new Kernel();
  kernel.fork(2, 1, '/platform');
  kernel.fork(3, 2);
  kernel.fork(4, 1);
  // One forks again, and another one ends, before they are moved.
  kernel.moving = (pid) => {
    if (pid === 2 && !kernel.processes.has(5)) kernel.fork(5, 2);
    if (pid === 3) kernel.processes.delete(3);
  };
  assert.equal(gatherFamily(1, kernel), true);
  assert.ok(kernel.processes.has(5));
  assert.deepEqual(kernel.outside(), []);
});

test('it says where some may be left outside', () => {
  const kernel = new Kernel();
  kernel.fork(2, 1, '/platform');
  kernel.moving = () => {
    throw new Error('EACCES');
  };
  assert.equal(gatherFamily(1, kernel), false);
  const many = new Kernel();
  for (let pid = 2; pid < 2000; pid += 1) many.fork(pid, 1, '/platform');
  assert.equal(gatherFamily(1, many), false);
  assert.equal(gatherFamily(7, kernel), true, 'it is gone');
});
