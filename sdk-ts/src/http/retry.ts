import { ApiError, NetworkError, TimeoutError } from '../errors.ts'

/** How failed attempts are repeated. */
export interface RetryPolicy {
  /** How many times after the first attempt. */
  readonly attempts: number
  /** Milliseconds before the first repetition; each further one waits twice as long. */
  readonly firstDelayMs: number
  /** The longest wait; a server that asks for a longer one is not asked again. */
  readonly longestDelayMs: number
}

/** What was asked, as far as repeating it is concerned. */
export interface Asked {
  readonly method: string
  readonly idempotencyKey: string | undefined
}

const WORTH_ANOTHER_TRY = new Set([408, 429])

/**
 * Whether the same request may succeed later: no answer, 5xx, 408, 429. No other 4xx. A POST only with an
 * idempotency key, because only then is it done once however often it is sent.
 */
export function isRepeatable(error: unknown, { method, idempotencyKey }: Asked): boolean {
  if (method === 'POST' && idempotencyKey === undefined) return false
  if (error instanceof ApiError) return error.status >= 500 || WORTH_ANOTHER_TRY.has(error.status)
  return error instanceof NetworkError || error instanceof TimeoutError
}

/**
 * Milliseconds to wait before repetition `repetition` (from 0), or undefined when it is not worth it. `Retry-After`
 * decides where the server said it; else 2 s, 4 s, 8 s (by default) and up to a quarter more, so that many clients
 * do not come back in the same moment. `random` is in [0, 1).
 */
export function delayBefore(
  repetition: number,
  error: unknown,
  policy: RetryPolicy,
  random: () => number = Math.random,
): number | undefined {
  if (repetition >= policy.attempts) return undefined
  const asked = error instanceof ApiError ? error.retryAfterMs : undefined
  if (asked !== undefined && asked > policy.longestDelayMs) return undefined
  const backoff = Math.min(policy.firstDelayMs * 2 ** repetition, policy.longestDelayMs)
  return Math.round((asked ?? backoff) * (1 + random() / 4))
}

/** A `Retry-After` header (RFC 9110, 10.2.3) in milliseconds: seconds, or a date; undefined when it is neither. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0)
}
