import { ApiError, apiErrors } from '../api/errors.ts';
import { UsageError } from '../base/errors.ts';
import { exitCodes } from './exit-codes.ts';
import type { Outcome } from './exit-codes.ts';

/** Why a command does not do what it should, for a person: with the next step. */
export class Failure extends Error {
  readonly outcome: Outcome;
  /** In capitals, for programs. */
  readonly code: string;
  readonly next: string | null;

  constructor(outcome: Outcome, code: string, message: string, next: string | null = null) {
    super(message);
    this.name = 'Failure';
    this.outcome = outcome;
    this.code = code;
    this.next = next;
  }

  get exitCode(): number {
    return exitCodes[this.outcome].code;
  }
}

/** Of what a control refuses. */
const outcomes: Readonly<Record<number, Outcome>> = {
  400: 'usage',
  401: 'notAllowed',
  403: 'notAllowed',
  404: 'notFound',
  409: 'conflict',
};

/** Null: nothing that was foreseen; it is a mistake of Weir's, and its stack is wanted. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof Failure) return error;
  if (error instanceof UsageError) return new Failure('usage', 'USAGE', error.message);
  if (!(error instanceof ApiError)) return null;
  const { next } = apiErrors[error.code];
  const issues = error.issues.map(({ path, message }) => `\n  ${path}: ${message}`).join('');
  return new Failure(outcomes[error.status] ?? 'failed', error.code, error.message + issues, next);
}
