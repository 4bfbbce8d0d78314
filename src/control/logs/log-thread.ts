// The log's own thread: the disk is waited for here, and nowhere else.
import { parentPort, workerData } from 'node:worker_threads';
import { LogDatabase } from './log-database.ts';
import { isDamage } from './log-schema.ts';
import { searchFor } from './log-search.ts';
import type { Search } from './log-search.ts';
import type { Answers, Order, Question, Report, ThreadOrder } from './wire.ts';

interface Asked {
  readonly number: number;
  readonly search: Search<Answers[Question['kind']]>;
}

const { file, retention, nowMs } = (workerData as { order: ThreadOrder }).order;
const port = parentPort!;
const tell = (report: Report): void => port.postMessage(report);
const setAside = (why: string, aside: string): void => tell({ kind: 'set aside', why, file: aside });
const log = new LogDatabase({ file, retention, nowMs, setAside });
const asked: Asked[] = [];
let isPruning = false;
let isTurning = false;

/** One slice of the first search, a little of what is to go; then others have the thread: what is to be written, above all. */
function turn(): void {
  isTurning = false;
  const first = asked.shift();
  if (first !== undefined) advance(first);
  if (isPruning) isPruning = attempt(() => log.prune()) === true;
  if (asked.length > 0 || isPruning) soon();
}

function soon(): void {
  if (isTurning) return;
  isTurning = true;
  setImmediate(turn);
}

function advance({ number, search }: Asked): void {
  try {
    const { done, value } = search.next();
    if (done === true) tell({ kind: 'answer', number, answer: value });
    else asked.push({ number, search });
  } catch (error) {
    if (isDamage(error)) attempt(() => log.begin(error as Error));
    tell({ kind: 'refused', number, why: (error as Error).message });
  }
}

/** A disk that is full, or fails, is told of when something is written. */
function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (error) {
    return error as Error;
  }
}

function take(order: Order): void {
  switch (order.kind) {
    case 'batch': {
      const done = attempt(() => log.write(order.batch));
      const trouble = done instanceof Error ? done.message : null;
      const used = attempt(() => log.usedBytes);
      tell({ kind: 'written', number: order.number, usedBytes: used instanceof Error ? 0 : used, trouble });
      isPruning = true;
      break;
    }
    case 'ask':
      try {
        asked.push({ number: order.number, search: searchFor(log.database, order.question) });
      } catch (error) {
        tell({ kind: 'refused', number: order.number, why: (error as Error).message });
      }
      break;
    case 'tidy':
      log.retain(order.retention, order.nowMs);
      isPruning = true;
      break;
    case 'close':
      attempt(() => log.close());
      port.close();
      return;
  }
  soon();
}

port.on('message', take);
tell({ kind: 'open', lastId: log.lastId, usedBytes: log.usedBytes });
