import {
  ApiError,
  AuthenticationError,
  ConflictError,
  NetworkError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  TimeoutError,
} from '../errors.ts'
import { plain } from './paint.ts'

/** What went wrong, and what to do next, a line each. */
export function advice(error: unknown, url: string): string[] {
  const lines = [plain(told(error))]
  if (error instanceof ApiError) {
    for (const { field, rule } of error.fieldErrors) lines.push(`  ${plain(field || 'body')}: ${plain(rule)}`)
  }
  const next = nextStep(error, url)
  return next === undefined ? lines : [...lines, next]
}

function told(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
  const request = error.requestId === undefined ? '' : ` (request ${error.requestId})`
  return `${error.fieldErrors.length > 0 ? 'The API refused what was sent:' : error.detail}${request}`
}

function nextStep(error: unknown, url: string): string | undefined {
  if (error instanceof AuthenticationError) return `Log in: hotswap login --url ${url}`
  if (error instanceof PermissionError)
    return 'See who you are with hotswap whoami; somebody with the role it takes can do it.'
  if (error instanceof NotFoundError)
    return 'See what there is: hotswap deployments, hotswap modules, hotswap clusters.'
  if (error instanceof ConflictError && error.currentStatus !== undefined)
    return `It is ${plain(error.currentStatus)} by now; look at it with hotswap watch.`
  if (error instanceof RateLimitError) return 'Try again in a moment.'
  if (error instanceof NetworkError || error instanceof TimeoutError) {
    return `Is HotSwap at ${url}? Set HOTSWAP_URL or --url; on this machine: make run.`
  }
  return undefined
}
