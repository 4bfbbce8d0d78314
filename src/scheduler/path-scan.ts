// Hot path: once over the first two segments of the path of every invocation, without an allocation.

/** The segments of a path, one after the other: one object is used again and again. */
export class PathScan {
  /** Where the segment begins and ends. */
  from = 0;
  end = 0;
  /** Of a segment that is a plain word, or empty; 0: of any other. */
  hash = 0;

  /** The first segment. What has no slash (`*`, nothing at all) is as `/`. */
  begin(target: string): void {
    let slash = 0;
    if (target.charCodeAt(0) !== slashCode) {
      const query = target.indexOf('?');
      slash = target.indexOf('/');
      if (slash === -1 || (query !== -1 && query < slash)) slash = target.length;
    }
    this.#segment(target, slash + 1);
  }

  /** The next segment. False: there is none. */
  next(target: string): boolean {
    if (this.isLast(target)) return false;
    this.#segment(target, this.end + 1);
    return true;
  }

  isLast(target: string): boolean {
    return target.charCodeAt(this.end) !== slashCode;
  }

  #segment(target: string, from: number): void {
    const most = Math.min(target.length, from + longestWord);
    // FNV-1a.
    let hash = 0x811c_9dc5;
    let at = from;
    for (; at < most; at += 1) {
      const code = target.charCodeAt(at);
      if (!isOfWord(code)) break;
      hash = Math.imul(hash ^ code, 0x0100_0193);
    }
    const isWord = isBound(target, at);
    this.from = from;
    this.end = isWord ? at : boundAfter(target, at);
    this.hash = isWord ? hash | 1 : 0;
  }
}

const slashCode = 0x2f;
const queryCode = 0x3f;
const longestWord = 16;

/** `a` to `z`, `-` and `_`. */
const isOfWord = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || code === 0x2d || code === 0x5f;

function isBound(target: string, at: number): boolean {
  if (at >= target.length) return true;
  const code = target.charCodeAt(at);
  return code === slashCode || code === queryCode;
}

function boundAfter(target: string, from: number): number {
  for (let at = from; at < from + 32; at += 1) if (isBound(target, at)) return at;
  const slash = target.indexOf('/', from);
  const query = target.indexOf('?', from);
  if (slash === -1) return query === -1 ? target.length : query;
  return query === -1 ? slash : Math.min(slash, query);
}
