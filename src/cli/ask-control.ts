import type { Clock } from '../base/clock.ts';
import { printable, printableLines } from '../base/printable.ts';
import { explainText, functionLines } from '../model/explain-text.ts';
import type { Explainable, Explained, Explanation } from '../model/explain.ts';
import type { Answer } from './ask.ts';
import type { Target } from './connection/connect.ts';
import { Control } from './connection/control.ts';
import { failureOf } from './failure.ts';

interface Asking {
  readonly name: string | null;
  readonly json: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal | null;
}

/** What a control says about a function, as `ask` has it of a platform on this machine. */
export async function askControl(target: Target, { name, json, clock, signal }: Asking): Promise<Answer> {
  try {
    const control = new Control(target, signal ?? new AbortController().signal);
    const found = await control.call('explain', { query: name === null ? {} : { function: name } });
    if (json) return { kind: 'told', text: printableLines(JSON.stringify(bare(found), null, 2)) };
    if (found['kind'] === 'ambiguous') return { kind: 'mistake', text: textOf(found, clock) };
    return { kind: 'told', text: textOf(found, clock).replace(/\n$/, '') };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null && signal?.aborted !== true) throw error;
    const { message = 'interrupted', next = null, exitCode = 130 } = failure ?? {};
    return { kind: 'nobody', text: printableLines(next === null ? message : `${message}\n  ${next}`), exitCode };
  }
}

/** In the form in which a platform on this machine says it. */
function bare(found: Readonly<Record<string, unknown>>): unknown {
  const told = found as unknown as Explained;
  if (told.kind === 'found') return told.explanation;
  return told.kind === 'idle' ? { ...told.function, idle: true } : found;
}

/** By its kind, which a control says; else by its form. */
function textOf(found: Readonly<Record<string, unknown>>, clock: Clock): string {
  const told = found as unknown as Explained;
  switch (told.kind) {
    case 'found':
      return explanationText(told.explanation, clock);
    case 'idle':
      return `${printable(told.function.label)}\n  nothing has been asked of it yet`;
    case 'ambiguous':
      // Versions of one function have the same label: their ids tell them apart.
      return listText(
        `several functions are called ${printable(told.name)}: say which`,
        told.candidates.map(({ id }) => id),
      );
    case 'list':
    case 'unknown':
      return listText('Functions', functionLines(told.functions));
    default:
      return Array.isArray(found['functions'])
        ? listText('Functions', functionLines(found['functions'] as Explainable[]))
        : explanationText(found as unknown as Explanation, clock);
  }
}

const listText = (title: string, lines: readonly string[]): string =>
  [title, ...lines.map((line) => `  ${printable(line)}`)].join('\n');

function explanationText(explanation: Explanation, clock: Clock): string {
  try {
    return explainText(explanation, { nowMs: clock.wallMs(), timeOfDay });
  } catch {
    // Of another version of Weir.
    return printableLines(JSON.stringify(explanation, null, 2));
  }
}

const timeOfDay = (wallMs: number): string => new Date(wallMs).toISOString().slice(11, 23);
