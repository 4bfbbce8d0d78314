// In the log's own thread. Pure but for reading: each search goes through rows in slices, and others have the thread in between.
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { limits } from '../../base/limits.ts';
import type { CrashResource, InvocationResource, LogLine } from '../../api/observed.ts';
import { levels } from './wire.ts';
import type {
  Answers,
  CrashQuery,
  Found,
  InvocationFound,
  InvocationQuery,
  LineQuery,
  Question,
  Which,
} from './wire.ts';

/** Yields where others may go on; returns the answer. */
export type Search<T> = Generator<void, T>;

type Cells = Readonly<Record<string, SQLInputValue>>;
/** Rows are looked at by ids from and to, each included. */
interface Slice {
  readonly low: number;
  readonly high: number;
}

interface Table<T> {
  readonly name: 'lines' | 'invocations' | 'crashes';
  readonly id: 'id' | 'n';
  /** By which times are compared; it goes with the ids, but for clocks that are set back. */
  readonly at: 'at' | 'settled';
  of(row: Cells): T;
  bytes(row: Cells): number;
}

export function searchFor(database: DatabaseSync, question: Question): Search<Answers[Question['kind']]> {
  switch (question.kind) {
    case 'lines':
      return searchLines(database, question.query);
    case 'invocations':
      return searchInvocations(database, question.query);
    case 'invocation':
      return findInvocation(database, question.id);
    case 'crashes':
    default:
      return searchCrashes(database, question.query);
  }
}

/** What holds for a row, with its values. */
class Conditions {
  readonly terms: string[] = [];
  readonly values: SQLInputValue[] = [];

  add(term: string, ...values: SQLInputValue[]): void {
    this.terms.push(term);
    this.values.push(...values);
  }

  /** Of its function. */
  which({ project, deployment, function: name }: Which): void {
    if (project !== undefined) this.#function('project = ?', project);
    if (deployment !== undefined) this.#function('deployment = ?', deployment);
    if (name !== undefined) this.#function('(label = ? OR name = ?)', name, name);
  }

  span(at: string, { fromMs, toMs }: { fromMs?: number | undefined; toMs?: number | undefined }): void {
    if (fromMs !== undefined) this.add(`${at} >= ?`, fromMs);
    if (toMs !== undefined) this.add(`${at} <= ?`, toMs);
  }

  #function(term: string, ...values: SQLInputValue[]): void {
    this.add(`function IN (SELECT key FROM functions WHERE ${term})`, ...values);
  }
}

const lineTable: Table<LogLine> = {
  name: 'lines',
  id: 'id',
  at: 'at',
  of: (row) => ({
    id: `${row['id'] as number}`,
    atMs: row['at'] as number,
    project: row['project'] as string,
    deployment: row['deployment'] as string,
    function: row['label'] as string,
    instance: row['instance'] as string | null,
    invocation: row['invocation'] as string | null,
    level: levels[row['level'] as number] ?? 'info',
    source: row['source'] as string,
    text: row['text'] as string,
  }),
  bytes: (row) => (row['text'] as string).length,
};

function searchLines(database: DatabaseSync, query: LineQuery): Search<Found<LogLine>> {
  const conditions = new Conditions();
  conditions.which(query);
  conditions.span('at', query);
  if (query.level !== undefined) conditions.add('level >= ?', levels.indexOf(query.level));
  if (query.invocation !== undefined) conditions.add('invocation = ?', query.invocation);
  if (query.status !== undefined) {
    const [low, high] = statusRange(query.status);
    conditions.add(
      'EXISTS (SELECT 1 FROM invocations WHERE invocations.id = lines.invocation AND status BETWEEN ? AND ?)',
      low,
      high,
    );
  }
  if (query.text !== undefined && query.text !== '') contains(conditions, query.text);
  return search(database, lineTable, conditions, { ...query, indexed: query.invocation !== undefined });
}

/** LIKE is five times as fast as a function of ours, and knows upper and lower case of ASCII alone, and no text beyond a NUL. */
function contains(conditions: Conditions, text: string): void {
  const needle = text.toLowerCase();
  if (/^[ -~\t]*$/.test(needle)) {
    const pattern = `%${needle.replaceAll(/[\\%_]/g, (found) => `\\${found}`)}%`;
    conditions.add(String.raw`(text LIKE ? ESCAPE '\' OR (nul = 1 AND holds(text, ?)))`, pattern, needle);
  } else conditions.add('holds(text, ?)', needle);
}

const statusRange = (status: string): [number, number] => {
  const first = Number(status.replace('xx', '00'));
  return status.endsWith('xx') ? [first, first + 99] : [first, first];
};

const invocationTable: Table<InvocationResource> = {
  name: 'invocations',
  id: 'n',
  at: 'settled',
  of: invocationOf,
  bytes: (row) => (row['path'] as string).length + (row['route'] as string).length + 500,
};

function invocationOf(row: Cells): InvocationResource {
  const number = (name: string): number => row[name] as number;
  const numberOrNull = (name: string): number | null => row[name] as number | null;
  const text = (name: string): string => row[name] as string;
  const answeredUs = numberOrNull('answered_us');
  return {
    id: text('id'),
    project: text('project'),
    deployment: text('deployment'),
    function: text('label'),
    environment: text('environment') as InvocationResource['environment'],
    route: text('route'),
    method: text('method'),
    host: text('host'),
    path: text('path'),
    status: numberOrNull('status'),
    outcome: text('outcome'),
    start: row['start'] as InvocationResource['start'],
    instance: row['instance'] as string | null,
    receivedMs: number('received'),
    durationMs: number('settled_us') / 1_000,
    ttfbMs: answeredUs === null ? null : answeredUs / 1_000,
    cpuUs: number('cpu_us'),
    memoryMiB: number('memory_mib'),
    requestBytes: number('request_bytes'),
    responseBytes: number('response_bytes'),
    refusals: number('refusals'),
    traceId: row['trace_id'] as string | null,
    phases: {
      admittedUs: number('admitted_us'),
      matchedUs: number('matched_us'),
      cachedUs: number('cached_us'),
      resolvedUs: number('resolved_us'),
      queuedUs: numberOrNull('queued_us'),
      placedUs: numberOrNull('placed_us'),
      sentUs: numberOrNull('sent_us'),
      begunUs: numberOrNull('begun_us'),
      answeredUs,
      settledUs: number('settled_us'),
    },
  };
}

function searchInvocations(database: DatabaseSync, query: InvocationQuery): Search<Found<InvocationResource>> {
  const conditions = new Conditions();
  conditions.which(query);
  conditions.span('settled', query);
  if (query.status !== undefined) conditions.add('status BETWEEN ? AND ?', ...statusRange(query.status));
  if (query.failed !== undefined) conditions.add(`(${isFailed}) = ?`, query.failed ? 1 : 0);
  if (query.start !== undefined) conditions.add('start = ?', query.start);
  if (query.slowerThanMs !== undefined) conditions.add('settled_us > ?', query.slowerThanMs * 1_000);
  return search(database, invocationTable, conditions, query);
}

/** A client that has left is no failure. */
const isFailed = `(outcome <> 'answered' AND outcome <> 'CLIENT_CLOSED_REQUEST') OR ifnull(status, 0) >= 500`;

const crashTable: Table<CrashResource> = {
  name: 'crashes',
  id: 'n',
  at: 'at',
  of: (row) => ({
    id: `${row['place'] as number}`,
    atMs: row['at'] as number,
    instance: row['instance'] as string,
    project: row['project'] as string,
    deployment: row['deployment'] as string,
    function: row['label'] as string,
    reason: row['reason'] as string,
    exitCode: row['exit_code'] as number | null,
    signal: row['signal'] as string | null,
    invocation: row['invocation'] as string | null,
    lost: JSON.parse(row['lost'] as string) as string[],
    stack: row['stack'] as string | null,
    memoryBytes: row['memory_bytes'] as number | null,
    cpuMs: row['cpu_ms'] as number | null,
    ageMs: row['age_ms'] as number,
  }),
  bytes: (row) => (row['lost'] as string).length + ((row['stack'] as string | null)?.length ?? 0),
};

function searchCrashes(database: DatabaseSync, query: CrashQuery): Search<Found<CrashResource>> {
  const conditions = new Conditions();
  conditions.which(query);
  conditions.span('at', query);
  return search(database, crashTable, conditions, query);
}

/** The invocation, with the first of its lines. */
function* findInvocation(database: DatabaseSync, id: string): Search<InvocationFound | null> {
  const row = database
    .prepare(
      `SELECT functions.label, functions.project, functions.deployment, invocations.*
       FROM invocations JOIN functions ON functions.key = invocations.function
       WHERE invocations.id = ? ORDER BY n DESC LIMIT 1`,
    )
    .get(id) as Cells | undefined;
  if (row === undefined) return null;
  const { items } = yield* searchLines(database, { invocation: id, limit: limits.logInvocationLines, after: 0 });
  const { count } = database.prepare('SELECT count(*) AS count FROM lines WHERE invocation = ?').get(id) as {
    count: number;
  };
  return { invocation: invocationOf(row), lines: items, linesLeftOut: count - items.length };
}

interface Paging {
  readonly limit: number;
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** An index finds what there is: no slices. */
  readonly indexed?: boolean;
}

/** Ids whose times may be in the span, and that follow the cursor. Null: there are none. */
function range<T>(database: DatabaseSync, { name, id, at }: Table<T>, paging: Paging): Slice | null {
  const { first, last } = database
    .prepare(
      // Each by itself: for both at once SQLite would look at every row.
      `SELECT (SELECT min(${id}) FROM ${name}) AS first, (SELECT max(${id}) FROM ${name}) AS last`,
    )
    .get() as {
    first: number | null;
    last: number | null;
  };
  if (first === null || last === null) return null;
  const probe = database.prepare(`SELECT ${at} AS at FROM ${name} WHERE ${id} >= ? ORDER BY ${id} LIMIT 1`);
  /** The first id whose time is `ms` or later. */
  const firstAt = (ms: number): number => {
    let [low, high] = [first, last + 1];
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if ((probe.get(middle) as { at: number }).at >= ms) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const { fromMs, toMs, before, after } = paging;
  const low = Math.max(first, (after ?? -1) + 1, fromMs === undefined ? 0 : firstAt(fromMs - slackMs));
  const high = Math.min(last, (before ?? Infinity) - 1, toMs === undefined ? Infinity : firstAt(toMs + slackMs));
  return low > high ? null : { low, high };
}

/** A clock may be set back by so much, and nothing is missed. */
const slackMs = 60_000;

function* search<T>(database: DatabaseSync, table: Table<T>, conditions: Conditions, paging: Paging): Search<Found<T>> {
  const { name, id } = table;
  const isForward = paging.after !== undefined;
  const all = range(database, table, paging);
  const items: T[] = [];
  if (all === null) return { items, next: null };
  const where = [`${name}.${id} BETWEEN ? AND ?`, ...conditions.terms].join(' AND ');
  const statement = database.prepare(
    `SELECT functions.label, functions.project, functions.deployment, ${name}.*, ${name}.${id} AS place
     FROM ${name} LEFT JOIN functions ON functions.key = ${name}.function
     WHERE ${where} ORDER BY ${name}.${id} ${isForward ? 'ASC' : 'DESC'} LIMIT ?`,
  );
  const beyond = database.prepare(
    isForward
      ? `SELECT min(${id}) AS following FROM ${name} WHERE ${id} > ?`
      : `SELECT max(${id}) AS following FROM ${name} WHERE ${id} < ?`,
  );
  let { low, high } = all;
  let [left, bytes] = [limits.logScanRows, 0];
  for (;;) {
    const rows = paging.indexed === true ? Infinity : Math.min(limits.logSliceRows, left);
    const slice = isForward
      ? { low, high: Math.min(high, low + rows - 1) }
      : { low: Math.max(low, high - rows + 1), high };
    for (const row of statement.iterate(slice.low, slice.high, ...conditions.values, paging.limit - items.length)) {
      items.push(table.of(row));
      bytes += table.bytes(row);
      const isFull = items.length === paging.limit || bytes >= limits.logAnswerBytes;
      if (!isFull) continue;
      const place = row['place'] as number;
      return { items, next: place === (isForward ? all.high : all.low) ? null : place };
    }
    // Ids have gaps, wide ones where a database was begun while none could be opened.
    const { following } = beyond.get(isForward ? slice.high : slice.low) as { following: number | null };
    if (following === null || following < low || following > high) return { items, next: null };
    if (isForward) low = following;
    else high = following;
    left -= slice.high - slice.low + 1;
    if (left <= 0) return { items, next: isForward ? low - 1 : high + 1 };
    yield;
  }
}
