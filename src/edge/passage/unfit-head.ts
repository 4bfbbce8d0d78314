import type { Failure } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { RequestHead } from '../../model/invoke.ts';
import { targetTooLong } from '../match.ts';

/** What a header's value and a target may not have (RFC 9110, 5.5), and what is no byte. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const unfit = /[\0-\x08\x0a-\x1f\x7f]|[^\0-\xff]/;
const token = /^[!#$%&'*+\-.^_`|~\w]+$/;

/**
 * Why the request that rules and middleware have made of a client's cannot be sent on; null: it can. They add fields and
 * make the target longer, and what they put there is of a client's making, or of a function's.
 */
export function unfitHead({ id, method, target, headers }: RequestHead): Failure | null {
  if (target.length > 2 * limits.urlBytes) return targetTooLong;
  if (headers.length > 2 * limits.headFields) {
    return tooLarge(`${headers.length / 2} header fields, and ${limits.headFields} is the most.`);
  }
  if (unfit.test(target)) return unsendable('The target');
  let bytes = id.length + method.length + target.length + 2;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (!token.test(name)) return unsendable('The name of a header');
    if (unfit.test(value)) return unsendable(`The header ${name}`);
    bytes += name.length + value.length + 2;
  }
  return bytes > limits.headBytes ? tooLarge(`${bytes} bytes, and ${limits.headBytes} is the most.`) : null;
}

const tooLarge = (detail: string): Failure => ({
  code: 'REQUEST_HEADER_TOO_LARGE',
  detail: `With what routing adds, the request has ${detail}`,
});

const unsendable = (what: string): Failure => ({
  code: 'MALFORMED_REQUEST_HEADER',
  detail: `${what}, as routing made it, has characters that HTTP does not allow there.`,
});
