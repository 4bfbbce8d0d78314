import type { Member } from './member.ts';

/** What the instances of one function use of the processors, together. */
export class ProcessorUse {
  /** Instances that use theirs fully, or whose loop is held. */
  computing = 0;
  /** Processors that all of them use. */
  cores = 0;

  /** What one uses of a processor from now on, 0–1. */
  set(member: Member, load: number): void {
    this.computing += Number(load >= computingLoad) - Number(member.load >= computingLoad);
    this.cores += load - member.load;
    member.load = load;
  }
}

/** An instance that uses so much of a processor computes. */
const computingLoad = 0.7;
