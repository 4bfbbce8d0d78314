/** What one check came to. */
export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do; null: nothing. */
  readonly next: string | null;
}

export const ok = (check: string, text: string): Finding => ({ check, verdict: 'ok', text, next: null });
export const warn = (check: string, text: string, next: string): Finding => ({ check, verdict: 'warn', text, next });
export const fail = (check: string, text: string, next: string): Finding => ({ check, verdict: 'fail', text, next });
