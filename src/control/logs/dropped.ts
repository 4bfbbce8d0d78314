import { limits } from '../../base/limits.ts';

interface Count {
  readonly functionId: string;
  readonly label: string;
  lines: number;
  invocations: number;
}

/** What could not be kept, function by function. */
export class Dropped {
  readonly #counts = new Map<string, Count>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  add(functionId: string, label: string, what: 'lines' | 'invocations'): void {
    let count = this.#counts.get(functionId);
    if (count === undefined) {
      const isKnown = this.#counts.size < limits.logDroppedFunctions;
      const key = isKnown ? functionId : '';
      count = this.#counts.get(key) ?? { functionId: key, label: isKnown ? label : 'others', lines: 0, invocations: 0 };
      this.#counts.set(key, count);
    }
    count[what] += 1;
  }

  /** As sentences, once. */
  *take(): Generator<{ readonly functionId: string; readonly label: string; readonly text: string }> {
    const counts = [...this.#counts.values()];
    this.#counts.clear();
    for (const { functionId, label, lines, invocations } of counts) {
      const of = `of ${label} were not kept: too many at once`;
      if (lines > 0) yield { functionId, label, text: `${lines} ${lines === 1 ? 'line' : 'lines'} ${of}` };
      if (invocations > 0)
        yield {
          functionId,
          label,
          text: `${invocations} ${invocations === 1 ? 'invocation' : 'invocations'} ${of}`,
        };
    }
  }
}
