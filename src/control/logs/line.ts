// A line that was published, as it is kept.
import { limits } from '../../base/limits.ts';
import type { LogLine } from '../../api/observed.ts';
import type { FunctionLogLine } from '../../model/telemetry.ts';
import { levels } from './wire.ts';
import type { Level, Which } from './wire.ts';

/** What is published on channels.log; without a time: now. */
export type PublishedLine = Omit<FunctionLogLine, 'atMs'> & Partial<Pick<FunctionLogLine, 'atMs'>>;

const before = (text: string, mark: string): string => {
  const at = text.indexOf(mark);
  return at === -1 ? text : text.slice(0, at);
};
/** A function's id begins with its deployment's, its label with its project's. */
export const deploymentOf = (functionId: string): string => before(functionId, '/');
export const projectOf = (label: string): string => before(label, '/');

export const cutNote = ' … (cut)';

/** Whole up to limits.logLineBytes; beyond, with a note. */
export function boundedText(text: string): string {
  // Three bytes are the most that a unit of a string takes.
  if (text.length * 3 <= limits.logLineBytes || Buffer.byteLength(text) <= limits.logLineBytes) return text;
  const bytes = Buffer.from(text.slice(0, limits.logLineBytes));
  let end = limits.logLineBytes - Buffer.byteLength(cutNote);
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + cutNote;
}

export const resourceOf = (line: PublishedLine, id: number, atMs: number, text: string): LogLine => ({
  id: String(id),
  atMs,
  project: projectOf(line.label),
  deployment: deploymentOf(line.functionId),
  function: line.label,
  instance: line.instance === '' ? null : line.instance,
  invocation: line.invocationId,
  level: line.level,
  source: line.source,
  text,
});

export interface LineFilter extends Which {
  readonly level?: Level | undefined;
  readonly invocation?: string | undefined;
  readonly text?: string | undefined;
}

/** As log-search.ts has it of lines that are kept. */
export function matcher(filter: LineFilter): (line: LogLine) => boolean {
  const { project, deployment, function: name, level, invocation } = filter;
  const rank = level === undefined ? 0 : levels.indexOf(level);
  const text = filter.text?.toLowerCase() ?? '';
  return (line) =>
    (project === undefined || line.project === project) &&
    (deployment === undefined || line.deployment === deployment) &&
    (name === undefined || line.function === name || line.function.slice(line.function.indexOf('/') + 1) === name) &&
    (rank === 0 || levels.indexOf(line.level) >= rank) &&
    (invocation === undefined || line.invocation === invocation) &&
    (text === '' || line.text.toLowerCase().includes(text));
}
