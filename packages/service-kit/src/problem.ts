import { STATUS_CODES } from 'node:http';

/** One field that is wrong: a JSON pointer (RFC 6901) into the body, or a header or parameter by name, and what was expected there. */
export type FieldError = { pointer: string; detail: string };

export type ProblemOptions = {
  status: number;
  /** Stable snake_case word that callers branch on. */
  code: string;
  /** What was expected and what to do, for a human. */
  detail: string;
  errors?: readonly FieldError[];
  /** Sent with the answer, such as `retry-after` or `www-authenticate`. */
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
};

/** A refusal that is answered as application/problem+json (RFC 9457). Throw it from a hook or a route; its cause is kept for the log only. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(options: ProblemOptions) {
    super(options.detail, { cause: options.cause });
    this.status = options.status;
    this.code = options.code;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }

  /** The body of the answer, in the field order that RFC 9457 shows. */
  body(traceId: string): ProblemBody {
    const body = {
      type: `https://sagamart.example/problems/${this.code}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      code: this.code,
      detail: this.message,
      traceId,
    };
    return this.errors.length > 0 ? { ...body, errors: this.errors } : body;
  }
}

export type ProblemBody = {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  traceId: string;
  errors?: readonly FieldError[];
};

/** The media type of every refusal. */
export const problemMediaType = 'application/problem+json; charset=utf-8';
