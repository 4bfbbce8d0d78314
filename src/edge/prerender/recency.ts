// Hot path: what was used last, without a Map that is changed at every use.

/** A member of a Recency list. */
export interface Used {
  before: Used | null;
  after: Used | null;
}

/** A list with what was used last at its front. */
export class Recency<Member extends Used> {
  #first: Used | null = null;
  #last: Used | null = null;

  get oldest(): Member | null {
    return this.#last as Member | null;
  }

  add(member: Member): void {
    member.before = null;
    member.after = this.#first;
    if (this.#first === null) this.#last = member;
    else this.#first.before = member;
    this.#first = member;
  }

  use(member: Member): void {
    if (this.#first === member) return;
    this.remove(member);
    this.add(member);
  }

  remove(member: Member): void {
    if (member.before === null) this.#first = member.after;
    else member.before.after = member.after;
    if (member.after === null) this.#last = member.before;
    else member.after.before = member.before;
    member.before = null;
    member.after = null;
  }
}
