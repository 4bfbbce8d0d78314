import type { Clock } from '../base/clock.ts';
import { printable, printableLines } from '../base/printable.ts';
import { explainText, functionLines } from '../model/explain-text.ts';
import type { Explainable, Explanation } from '../model/explain.ts';
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
    if (json) return { kind: 'told', text: printableLines(JSON.stringify(found, null, 2)) };
    return { kind: 'told', text: textOf(found, clock).replace(/\n$/, '') };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null && signal?.aborted !== true) throw error;
    const { message = 'interrupted', next = null, exitCode = 130 } = failure ?? {};
    return { kind: 'nobody', text: printableLines(next === null ? message : `${message}\n  ${next}`), exitCode };
  }
}

/** By its form: an explanation, one of a function that nothing has been asked of, or all functions. */
function textOf(found: Readonly<Record<string, unknown>>, clock: Clock): string {
  if (Array.isArray(found['functions'])) {
    const lines = functionLines(found['functions'] as Explainable[]);
    return ['Functions', ...lines.map((line) => `  ${line}`)].join('\n');
  }
  if (found['idle'] === true) return `${printable(String(found['label']))}\n  nothing has been asked of it yet`;
  try {
    return explainText(found as unknown as Explanation, { nowMs: clock.wallMs(), timeOfDay });
  } catch {
    // Of another version of Weir.
    return printableLines(JSON.stringify(found, null, 2));
  }
}

const timeOfDay = (wallMs: number): string => new Date(wallMs).toISOString().slice(11, 23);
