/**
 * The catalogue. From a row follow the type, the HTTP answer and the docs page.
 * `source`: who has to act. `retry`: whether the platform may send the invocation elsewhere by itself (I2, I3).
 * Codes and statuses are the hosted platform's published list where it has one.
 */
export interface ErrorSpec {
  readonly status: number;
  readonly source: 'client' | 'function' | 'platform';
  readonly retry: 'never' | 'before-begun';
  readonly message: string;
}

export const errors = {
  FUNCTION_INVOCATION_FAILED: {
    status: 500,
    source: 'function',
    retry: 'never',
    message: 'The function threw an error.',
  },
  FUNCTION_INVOCATION_TIMEOUT: {
    status: 504,
    source: 'function',
    retry: 'never',
    message: 'The function did not finish within its maxDuration.',
  },
  FUNCTION_LOAD_FAILED: {
    status: 500,
    source: 'function',
    retry: 'never',
    message: 'The function could not be loaded.',
  },
  NO_RESPONSE_FROM_FUNCTION: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The instance ended before the function answered.',
  },
  FUNCTION_RESPONSE_INVALID: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The function answered with something that is not HTTP.',
  },
  INFINITE_LOOP_DETECTED: {
    status: 508,
    source: 'function',
    retry: 'never',
    message: 'The function calls itself, directly or through others, without an end.',
  },
  FUNCTION_THROTTLED: {
    status: 503,
    source: 'platform',
    retry: 'before-begun',
    message: 'No instance could take the invocation in time.',
  },
  INTERNAL_FUNCTION_NOT_READY: {
    status: 503,
    source: 'platform',
    retry: 'before-begun',
    message: 'No instance of the function could be started.',
  },
  INTERNAL_UNEXPECTED_ERROR: {
    status: 500,
    source: 'platform',
    retry: 'never',
    message: 'Something went wrong inside the platform.',
  },
  MIDDLEWARE_INVOCATION_FAILED: {
    status: 500,
    source: 'function',
    retry: 'never',
    message: 'The middleware threw an error.',
  },
  EDGE_FUNCTION_INVOCATION_FAILED: {
    status: 500,
    source: 'function',
    retry: 'never',
    message: 'The middleware answered 500, and nothing else.',
  },
  MIDDLEWARE_INVOCATION_TIMEOUT: {
    status: 504,
    source: 'function',
    retry: 'never',
    message: 'The middleware did not answer within its maxDuration.',
  },
  TOO_MANY_FORKS: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The routing table tries too many rewrites for this path.',
  },
  TOO_MANY_FILESYSTEM_CHECKS: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The routing table looks for too many outputs for this path.',
  },
  ROUTER_CANNOT_MATCH: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The routing table leads to what is no place.',
  },
  ROUTER_EXTERNAL_TARGET_ERROR: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The origin that the routing table leads to did not answer.',
  },
  ROUTE_DENIED: {
    status: 403,
    source: 'client',
    retry: 'never',
    message: 'The deployment does not answer such requests.',
  },
  INVALID_IMAGE_OPTIMIZE_REQUEST: {
    status: 400,
    source: 'client',
    retry: 'never',
    message: 'The image cannot be asked for like this.',
  },
  OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The image could not be fetched.',
  },
  OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'What was fetched is no image that can be optimised.',
  },
  OPTIMIZED_EXTERNAL_IMAGE_REQUEST_UNAUTHORIZED: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The image may not be fetched without authorisation.',
  },
  OPTIMIZED_EXTERNAL_IMAGE_TOO_MANY_REDIRECTS: {
    status: 502,
    source: 'function',
    retry: 'never',
    message: 'The image leads from redirect to redirect.',
  },
  INTERNAL_OPTIMIZED_IMAGE_REQUEST_FAILED: {
    status: 500,
    source: 'platform',
    retry: 'never',
    message: 'The image could not be optimised.',
  },
  DNS_HOSTNAME_RESOLVED_PRIVATE: {
    status: 404,
    source: 'client',
    retry: 'never',
    message: 'The host has an address inside a private network.',
  },
  DEPLOYMENT_NOT_FOUND: {
    status: 404,
    source: 'client',
    retry: 'never',
    message: 'No deployment answers for this request.',
  },
  DEPLOYMENT_NOT_READY: {
    status: 503,
    source: 'platform',
    retry: 'never',
    message: 'The deployment is being made ready.',
  },
  NOT_FOUND: {
    status: 404,
    source: 'client',
    retry: 'never',
    message: 'No file and no function answers for this path.',
  },
  INVALID_REQUEST_METHOD: { status: 405, source: 'client', retry: 'never', message: 'The method is not allowed here.' },
  MALFORMED_REQUEST_HEADER: {
    status: 400,
    source: 'client',
    retry: 'never',
    message: 'The request is malformed or ambiguous.',
  },
  REQUEST_TIMEOUT: { status: 408, source: 'client', retry: 'never', message: 'The request did not arrive in time.' },
  REQUEST_HEADER_TOO_LARGE: {
    status: 431,
    source: 'client',
    retry: 'never',
    message: 'The request head is too large.',
  },
  URL_TOO_LONG: { status: 414, source: 'client', retry: 'never', message: 'The request target is too long.' },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    source: 'client',
    retry: 'never',
    message: 'The requested range does not exist.',
  },
  EXPECTATION_FAILED: { status: 417, source: 'client', retry: 'never', message: 'Only 100-continue can be expected.' },
  NOT_IMPLEMENTED: {
    status: 501,
    source: 'client',
    retry: 'never',
    message: 'The request asks for something this server does not do.',
  },
  HTTP_VERSION_NOT_SUPPORTED: {
    status: 505,
    source: 'client',
    retry: 'never',
    message: 'The HTTP version is not supported here.',
  },
  CLIENT_CLOSED_REQUEST: {
    status: 499,
    source: 'client',
    retry: 'never',
    message: 'The client left before the answer was complete.',
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errors;

/** Why an invocation has no answer of its own. Data, not an exception: it travels between components. */
export interface Failure {
  readonly code: ErrorCode;
  /** What happened, for the log and for the error page; never a secret, never a stack. */
  readonly detail: string;
  /** Seconds, for Retry-After. */
  readonly retryAfterS?: number;
}

/** A mistake of the person who runs Weir: a wrong file, flag or value. Printed without a stack, with the next step. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A peer broke the tunnel protocol: its session is closed with this reason. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
