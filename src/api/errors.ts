/** Why the API refuses. From a row follow the type, the HTTP answer, and the table in docs/reference/api.md. */
export interface ApiErrorSpec {
  readonly status: number;
  readonly message: string;
  /** What to do next; null: `message` says it. */
  readonly next: string | null;
}

export const apiErrors = {
  INVALID_REQUEST: { status: 400, message: 'The request is not as it has to be.', next: null },
  INVALID_PATH: {
    status: 400,
    message: 'A path of the upload leads out of the project, or is no path.',
    next: 'Paths are relative, with forward slashes, without . and .. parts.',
  },
  NO_TOKEN: {
    status: 401,
    message: 'A token is needed.',
    next: 'weir login, or the header Authorization: Bearer TOKEN.',
  },
  WRONG_TOKEN: {
    status: 401,
    message: 'This token is not known here, or was revoked.',
    next: 'weir login with one that `weir token create` made, on the machine that serves.',
  },
  NOT_ALLOWED: { status: 403, message: 'The role of this token does not allow it.', next: null },
  FOREIGN_ORIGIN: { status: 403, message: 'A page of another site asked.', next: null },
  NOT_FOUND: { status: 404, message: 'There is nothing at this path.', next: 'GET /v1/openapi.json lists all paths.' },
  PROJECT_NOT_FOUND: { status: 404, message: 'There is no such project.', next: 'weir ls lists all projects.' },
  DEPLOYMENT_NOT_FOUND: {
    status: 404,
    message: 'There is no such deployment.',
    next: 'weir ls PROJECT lists its deployments.',
  },
  FUNCTION_NOT_FOUND: { status: 404, message: 'There is no such function.', next: null },
  INVOCATION_NOT_FOUND: {
    status: 404,
    message: 'Nothing is known of this invocation.',
    next: 'Invocations are kept for a while: see the retention in the settings.',
  },
  DOMAIN_NOT_FOUND: { status: 404, message: 'The project has no such domain.', next: null },
  VARIABLE_NOT_FOUND: { status: 404, message: 'The project has no such variable.', next: null },
  TOKEN_NOT_FOUND: { status: 404, message: 'There is no such token.', next: null },
  CRON_NOT_FOUND: { status: 404, message: 'There is no such cron.', next: null },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This path does not take the method.', next: null },
  PROJECT_EXISTS: { status: 409, message: 'There is a project of this name.', next: null },
  DOMAIN_TAKEN: {
    status: 409,
    message: 'The host name leads to another project.',
    next: 'Remove it there first: weir domains rm HOST --project OTHER.',
  },
  WRONG_STATE: { status: 409, message: 'It is not in a state in which this can be done.', next: null },
  BLOBS_MISSING: { status: 409, message: 'Not all files have been uploaded.', next: null },
  DEPLOYMENT_IN_USE: {
    status: 409,
    message: 'Clients are led to this deployment.',
    next: 'Promote another one first.',
  },
  NOTHING_BEFORE: { status: 409, message: 'There is no earlier deployment to go back to.', next: null },
  BLOB_TOO_LARGE: { status: 413, message: 'The file is larger than one may be.', next: null },
  DEPLOYMENT_TOO_LARGE: { status: 413, message: 'All files together are more than a deployment may have.', next: null },
  TOO_MANY_FILES: {
    status: 413,
    message: 'There are more files, or deeper folders, than a deployment may have.',
    next: null,
  },
  BODY_TOO_LARGE: { status: 413, message: 'The body is larger than this path takes.', next: null },
  HASH_MISMATCH: {
    status: 422,
    message: 'What came does not have the SHA-256 that the path says.',
    next: 'Upload it again.',
  },
  OFFSET_MISMATCH: {
    status: 409,
    message: 'The upload does not go on where it stopped.',
    next: 'HEAD of the same path says where that is.',
  },
  UNSUPPORTED_BODY: { status: 415, message: 'The body is of a type that this path does not take.', next: null },
  BUILD_FAILED: { status: 422, message: 'The deployment could not be made of these files.', next: null },
  TOO_MANY_REQUESTS: { status: 429, message: 'Too many attempts.', next: 'Try again in a minute.' },
  DISK_FULL: { status: 507, message: 'There is no room left on the disk of the control.', next: null },
  INTERNAL_ERROR: { status: 500, message: 'Something went wrong inside the control.', next: 'Its log says what.' },
} as const satisfies Record<string, ApiErrorSpec>;

export type ApiErrorCode = keyof typeof apiErrors;

/** What is refused, and answered as `{ error: { code, message, next, issues } }`. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** Of INVALID_REQUEST: what is wrong where. */
  readonly issues: readonly { readonly path: string; readonly message: string }[];

  constructor(code: ApiErrorCode, detail: string = '', issues: ApiError['issues'] = []) {
    super(detail === '' ? apiErrors[code].message : detail);
    this.name = 'ApiError';
    this.code = code;
    this.issues = issues;
  }

  get status(): number {
    return apiErrors[this.code].status;
  }
}
