import { ApiError } from '../../api/errors.ts';

/** Of a page's `next`, which is all that is accepted. */
export const cursorFault = (): ApiError =>
  new ApiError('INVALID_REQUEST', 'cursor: only what a page said before is accepted.', [
    { path: 'cursor', message: 'is none' },
  ]);
