import { writeFileSync } from 'node:fs';
import { familyOf, kernelFiles, type ProcFiles } from '../base/process-tree.ts';
import { cgroupMount } from './cgroup.ts';

/** The few file operations that are needed: the kernel's, or a test's. */
export interface FamilyFiles extends ProcFiles {
  /** Throws where the kernel refuses. */
  write(file: string, text: string): void;
}

const systemFiles: FamilyFiles = {
  ...kernelFiles,
  write: (file, text) => writeFileSync(file, text, { flag: 'r+' }),
};

/** Who forks faster than it is moved is not caught up with. */
const rounds = 20;

/**
 * A process was moved into a cgroup some time after its start: what it had forked by then is moved after it. A child is born where
 * its parent is, so that there are none outside once a listing finds none. False: some may be.
 *
 * Not found is what lost its parent before that, in the few milliseconds from its start to the word of it: it stays where it was
 * born, under the platform's own limit alone, until its group is ended. A shell that first moves itself and then becomes the
 * program would leave no such time, but costs every start an exec more (2.7–4.7 ms on a busy machine of two processors), takes
 * variables from the environment whose names are none to it (dash), and hides that a program was not found.
 */
export function gatherFamily(pid: number, files: FamilyFiles = systemFiles): boolean {
  const cgroup = cgroupOf(files, pid);
  // It is gone already, or this system has none.
  if (cgroup === null) return true;
  for (let round = 0; round < rounds; round += 1) {
    const family = familyOf(pid, files);
    if (family === null) return false;
    const outside = [...family].filter((member) => (cgroupOf(files, member) ?? cgroup) !== cgroup);
    if (outside.length === 0) return true;
    for (const member of outside) {
      try {
        files.write(`${cgroupMount}${cgroup}/cgroup.procs`, String(member));
      } catch {
        // Gone meanwhile; or refused, then the next listing still finds it.
      }
    }
  }
  return false;
}

/** Null: it is gone, or has none of version 2. */
const cgroupOf = (files: FamilyFiles, pid: number): string | null =>
  /^0::(\/.*)$/m.exec(files.read(`/proc/${pid}/cgroup`) ?? '')?.[1] ?? null;
