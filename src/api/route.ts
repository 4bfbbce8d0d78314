import type { z } from 'zod';
import type { role } from './fields.ts';
import type { ApiErrorCode } from './errors.ts';

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters are `:name`. */
  readonly path: string;
  /** What a token needs; null: none is asked for. */
  readonly role: z.infer<typeof role> | null;
  readonly summary: string;
  readonly tag: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** `bytes`: of any type, streamed. */
  readonly body?: z.ZodType | 'bytes';
  /** `events`: server-sent events whose `data` is of `event`. */
  readonly answer: z.ZodType | 'empty' | 'text';
  readonly events?: z.ZodType;
  readonly status?: 200 | 201 | 202 | 204;
  /** Beside those that any path may answer with. */
  readonly errors?: readonly ApiErrorCode[];
}
