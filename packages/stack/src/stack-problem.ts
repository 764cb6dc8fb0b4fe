/** A situation we know: its message says what was expected and what to do, so it is shown without a stack trace. */
export class StackProblem extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StackProblem';
    this.code = code;
  }
}

/** The text of whatever was thrown; an AggregateError (a refused connection) has an empty message of its own, and that of fetch says nothing. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  if (error instanceof TypeError && error.message === 'fetch failed' && error.cause !== undefined)
    return messageOf(error.cause);
  return error instanceof Error ? error.message : String(error);
}
