// Hot path: `line` and `invocation` run for each of them.
import { limits } from '../../base/limits.ts';
import type { CrashReport, InvocationRecord } from '../../model/telemetry.ts';
import { deploymentOf, projectOf } from './line.ts';
import type { PublishedLine } from './line.ts';
import { functionCells, invocationCells, levels, lineCells } from './wire.ts';
import type { Batch } from './wire.ts';

const emptyBatch = (): Batch => ({ functions: [], lines: [], invocations: [], crashes: [] });
/** About what the other thread has of it besides texts. */
const overheadBytes = 200;

/** What has been told and was not handed over yet. */
export class Batching {
  #batch = emptyBatch();
  readonly #indexes = new Map<string, number>();
  bytes = 0;

  /** Lines and invocations. */
  get count(): number {
    return this.#batch.lines.length / lineCells + this.#batch.invocations.length / invocationCells;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  get isFull(): boolean {
    return (
      this.bytes >= limits.logBatchBytes ||
      this.#batch.lines.length >= limits.logBatchLines * lineCells ||
      this.#batch.invocations.length >= limits.logBatchLines * invocationCells
    );
  }

  line(line: PublishedLine, id: number, atMs: number, text: string): void {
    const { functionId, label, instance, invocationId, level, source } = line;
    const index = this.#index(functionId, label, projectOf(label), deploymentOf(functionId));
    this.#batch.lines.push(id, atMs, index, instance === '' ? null : instance, invocationId);
    this.#batch.lines.push(levels.indexOf(level), source, text);
    this.bytes += text.length + overheadBytes;
  }

  invocation(record: InvocationRecord): void {
    const { functionId, label, project, deployment, phases: p } = record;
    const index = this.#index(functionId, label, project, deployment);
    this.#batch.invocations.push(record.id, index, record.environment, record.route, record.method, record.host);
    this.#batch.invocations.push(record.path, record.status, record.outcome, record.start, record.instance);
    this.#batch.invocations.push(Math.round(record.receivedMs), Math.round(record.cpuUs), record.memoryMiB);
    this.#batch.invocations.push(record.requestBytes, record.responseBytes, record.refusals);
    this.#batch.invocations.push(record.trace?.traceId ?? null);
    this.#batch.invocations.push(p.admittedUs, p.matchedUs, p.cachedUs, p.resolvedUs, p.queuedUs, p.placedUs);
    this.#batch.invocations.push(p.sentUs, p.begunUs, p.answeredUs, p.settledUs);
    this.bytes += record.path.length + record.host.length + overheadBytes;
  }

  crash(report: CrashReport): void {
    this.#batch.crashes.push(report);
    this.bytes += (report.stack?.length ?? 0) + overheadBytes;
  }

  take(): Batch {
    const taken = this.#batch;
    this.#batch = emptyBatch();
    this.#indexes.clear();
    this.bytes = 0;
    return taken;
  }

  #index(id: string, label: string, project: string, deployment: string): number {
    const known = this.#indexes.get(id);
    if (known !== undefined) return known;
    const index = this.#batch.functions.length / functionCells;
    this.#batch.functions.push(id, label, project, deployment);
    this.#indexes.set(id, index);
    return index;
  }
}
