/** Everything this package throws on purpose, but for a signal's own reason when the caller aborts. */
export class HotSwapError extends Error {
  override readonly name: string = 'HotSwapError'
}

/** No answer came: refused, reset, not resolved, or blocked by the browser. `cause` is what `fetch` said. */
export class NetworkError extends HotSwapError {
  override readonly name = 'NetworkError'
}

/** No answer, or no end of a deployment, within the time that was given (`timeoutMs`). */
export class TimeoutError extends HotSwapError {
  override readonly name = 'TimeoutError'
  readonly timeoutMs: number

  constructor(message: string, timeoutMs: number, options?: ErrorOptions) {
    super(message, options)
    this.timeoutMs = timeoutMs
  }
}

/** A field of the request, and the rule it broke. */
export interface FieldError {
  readonly field: string
  readonly rule: string
}

/** What an answer other than 2xx said; the same whether our code or the gateway made it. */
export interface ApiErrorDetails {
  readonly status: number
  /** For instance `/problems/illegal-transition`; `about:blank` when only the status is known. */
  readonly type: string
  readonly title: string
  readonly detail: string
  /** Name this when you report a problem; the server's log is found by it. */
  readonly requestId: string | undefined
  readonly fieldErrors: readonly FieldError[]
  /** With a 409 for an illegal transition: the state that won. */
  readonly currentStatus: string | undefined
  /** Milliseconds the server asked to wait before the next try. */
  readonly retryAfterMs: number | undefined
  /** The body as it came: an object when it was JSON, else text. */
  readonly body: unknown
}

/** The API answered that it did not do it. */
export class ApiError extends HotSwapError implements ApiErrorDetails {
  override readonly name: string = 'ApiError'
  declare readonly status: number
  declare readonly type: string
  declare readonly title: string
  declare readonly detail: string
  declare readonly requestId: string | undefined
  declare readonly fieldErrors: readonly FieldError[]
  declare readonly currentStatus: string | undefined
  declare readonly retryAfterMs: number | undefined
  declare readonly body: unknown

  constructor(details: ApiErrorDetails) {
    super(sentence(details))
    Object.assign(this, details)
  }
}

/** 401: nobody is logged in, or the login is good no more. */
export class AuthenticationError extends ApiError {
  override readonly name = 'AuthenticationError'
}

/** 403: this user may not do this. */
export class PermissionError extends ApiError {
  override readonly name = 'PermissionError'
}

/** 404 */
export class NotFoundError extends ApiError {
  override readonly name = 'NotFoundError'
}

/** 409: it is in another state by now; `currentStatus` says which where it is known. */
export class ConflictError extends ApiError {
  override readonly name = 'ConflictError'
}

/** 400 and 422: what was sent breaks rules; `fieldErrors` names all of them. */
export class ValidationError extends ApiError {
  override readonly name = 'ValidationError'
}

/** 429, after all retries. */
export class RateLimitError extends ApiError {
  override readonly name = 'RateLimitError'
}

const CLASSES: Readonly<Record<number, new (details: ApiErrorDetails) => ApiError>> = {
  400: ValidationError,
  401: AuthenticationError,
  403: PermissionError,
  404: NotFoundError,
  409: ConflictError,
  422: ValidationError,
  429: RateLimitError,
}

/** The error of the class that belongs to its status. */
export function apiError(details: ApiErrorDetails): ApiError {
  return new (CLASSES[details.status] ?? ApiError)(details)
}

function sentence({ status, title, detail, requestId }: ApiErrorDetails): string {
  const told = detail && detail !== title ? `${title}: ${detail}` : title
  return `${status} ${told}${requestId ? ` (request ${requestId})` : ''}`
}
