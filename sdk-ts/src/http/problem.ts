import { type ApiError, apiError, type FieldError } from '../errors.ts'
import { retryAfterMs } from './retry.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * The error behind an answer that is not 2xx. Understands problem+json (RFC 9457), the gateway's `{message}`,
 * Chalice's `{Code, Message}`, plain text and nothing at all.
 */
export function problemOf(response: Response, text: string, now = Date.now()): ApiError {
  const body = parsed(text)
  const json: Json = typeof body === 'object' && body !== null ? (body as Json) : {}
  const title = textOf(json['title']) ?? (response.statusText || `HTTP ${response.status}`)
  return apiError({
    status: response.status,
    type: textOf(json['type']) ?? 'about:blank',
    title,
    detail:
      textOf(json['detail']) ?? textOf(json['message']) ?? textOf(json['Message']) ?? plain(response, text) ?? title,
    requestId: textOf(json['requestId']) ?? requestIdOf(response),
    fieldErrors: Array.isArray(json['errors']) ? (json['errors'] as FieldError[]) : [],
    currentStatus: textOf(json['currentStatus']),
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), now),
    body,
  })
}

function requestIdOf({ headers }: Response): string | undefined {
  return headers.get('x-request-id') ?? headers.get('x-amzn-requestid') ?? undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A short text is told as it is; a page of HTML tells nobody anything. */
function plain(response: Response, text: string): string | undefined {
  const isText = (response.headers.get('content-type') ?? '').startsWith('text/plain')
  return isText && text.trim() !== '' ? text.trim().slice(0, 500) : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
