import { ApiError, AuthenticationError, HotSwapError, NetworkError, TimeoutError } from '../errors.ts'
import type { ClientOptions, RequestOptions } from '../options.ts'
import { type OperationId, type Route, routeOf, urlOf } from './operation.ts'
import { problemOf } from './problem.ts'
import { delayBefore, isRepeatable, type RetryPolicy } from './retry.ts'
import { pause, within } from './waiting.ts'

/** What a call sends, without its route. */
export interface Sent {
  readonly path?: Readonly<Record<string, unknown>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
}

/** Where the sender gets its `Authorization` from. */
export interface TokenSource {
  token(): Promise<string | undefined>
  another(refused: string | undefined): Promise<string | undefined>
}

interface Attempt {
  readonly route: Route
  readonly url: string
  readonly body: string | undefined
  readonly headers: Headers
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

/** Sends calls: authenticated, each attempt bounded in time, repeated where repeating is safe and may help. */
export class Sender {
  readonly #baseUrl: string
  readonly #fetch: typeof fetch
  readonly #timeout: number
  readonly #retry: RetryPolicy
  readonly #headers: Readonly<Record<string, string>>
  readonly #onRetry: ClientOptions['onRetry']
  readonly #tokens: TokenSource

  constructor(options: ClientOptions, tokens: TokenSource) {
    this.#baseUrl = checkedUrl(options.baseUrl)
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
    this.#timeout = positive('timeout', options.timeout ?? 30_000)
    this.#retry = {
      attempts: wholeNumber('retryAttempts', options.retryAttempts ?? 3),
      firstDelayMs: positive('retryDelay', options.retryDelay ?? 2_000),
      longestDelayMs: positive('maxRetryDelay', options.maxRetryDelay ?? 60_000),
    }
    this.#headers = options.headers ?? {}
    this.#onRetry = options.onRetry
    this.#tokens = tokens
  }

  /** One operation: its answer's JSON, its text when it is not JSON, or undefined when there is none. */
  async send(operation: OperationId, sent: Sent, options: RequestOptions = {}): Promise<unknown> {
    const route = routeOf(operation)
    const headers = new Headers({ Accept: 'application/json', ...this.#headers, ...options.headers })
    const idempotencyKey = route.hasKey ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined
    if (idempotencyKey !== undefined) headers.set('Idempotency-Key', idempotencyKey)
    const body = route.hasBody ? JSON.stringify(sent.body ?? {}) : undefined
    if (body !== undefined) headers.set('Content-Type', 'application/json')
    const attempt: Attempt = {
      route,
      url: urlOf(this.#baseUrl, route.path, sent.path, sent.query),
      body,
      headers,
      timeout: options.timeout === undefined ? this.#timeout : positive('timeout', options.timeout),
      signal: options.signal,
    }
    return this.#repeated({ method: route.method, idempotencyKey }, options, () => this.#authorized(attempt))
  }

  /** Bytes to a link the API gave; no token goes with them. Repeated like a call: the same bytes twice are once. */
  async put(url: string, bytes: Uint8Array, contentType: string, options: RequestOptions = {}): Promise<void> {
    const timeout = options.timeout === undefined ? this.#timeout : positive('timeout', options.timeout)
    const init = { method: 'PUT', headers: { 'Content-Type': contentType }, body: bytes as BodyInit }
    await this.#repeated({ method: 'PUT', idempotencyKey: undefined }, options, () =>
      this.#exchange(url, init, timeout, options.signal),
    )
  }

  async #repeated<T>(
    asked: { method: string; idempotencyKey: string | undefined },
    options: RequestOptions,
    attempt: () => Promise<T>,
  ): Promise<T> {
    const attempts = options.retryAttempts ?? this.#retry.attempts
    const policy = { ...this.#retry, attempts: wholeNumber('retryAttempts', attempts) }
    for (let repetition = 0; ; repetition++) {
      try {
        return await attempt()
      } catch (error) {
        const delayMs = isRepeatable(error, asked) ? delayBefore(repetition, error, policy) : undefined
        if (delayMs === undefined) throw error
        this.#onRetry?.({ repetition: repetition + 1, delayMs, error: error as Error })
        await pause(delayMs, options.signal)
      }
    }
  }

  /** One attempt as the session's user, and, when its token is refused, one with another. */
  async #authorized(attempt: Attempt): Promise<unknown> {
    const isSession = attempt.route.isPublic === undefined && !attempt.headers.has('Authorization')
    if (!isSession) return this.#attempt(attempt, undefined)
    const token = await this.#tokens.token()
    try {
      return await this.#attempt(attempt, token)
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error
      const other = await this.#tokens.another(token)
      if (other === undefined) throw error
      return this.#attempt(attempt, other)
    }
  }

  async #attempt({ route, url, body, headers, timeout, signal }: Attempt, token: string | undefined): Promise<unknown> {
    const own = new Headers(headers)
    if (token !== undefined) own.set('Authorization', `Bearer ${token}`)
    // The API sends nobody elsewhere; whoever answers in its place must not be given the token or the password.
    const init: RequestInit = {
      method: route.method,
      headers: own,
      redirect: 'error',
      ...(body !== undefined && { body }),
    }
    const { response, text } = await this.#exchange(url, init, timeout, signal)
    if (text === '') return undefined
    const type = response.headers.get('content-type') ?? ''
    if (!type.includes('json')) return text
    try {
      return JSON.parse(text)
    } catch (error) {
      throw new NetworkError(`The answer of ${route.method} ${url} is not JSON.`, { cause: error })
    }
  }

  /** One request and its whole answer, or the error that says why there is none. */
  async #exchange(url: string, init: RequestInit, timeout: number, signal: AbortSignal | undefined) {
    const told = `${init.method} ${url.split('?')[0]}`
    return within(timeout, signal, async (inner, isExpired) => {
      try {
        const response = await this.#fetch(url, { ...init, signal: inner })
        const text = await response.text()
        if (!response.ok) throw problemOf(response, text)
        return { response, text }
      } catch (error) {
        if (error instanceof ApiError) throw error
        if (isExpired()) throw new TimeoutError(`No answer to ${told} within ${timeout} ms.`, timeout, { cause: error })
        signal?.throwIfAborted()
        throw new NetworkError(`No answer to ${told}: ${reasonOf(error)}.`, { cause: error })
      }
    })
  }
}

function checkedUrl(baseUrl: string): string {
  let url: URL
  try {
    url = new URL(baseUrl)
  } catch (error) {
    throw new HotSwapError(
      `baseUrl must be an absolute URL such as https://hotswap.example.com, not ${JSON.stringify(baseUrl)}`,
      {
        cause: error,
      },
    )
  }
  const isHere = url.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !isHere)
    throw new HotSwapError(
      'baseUrl must begin with https://; http:// is for this machine only, or everybody on the way reads the token',
    )
  if (url.username !== '' || url.password !== '') throw new HotSwapError('baseUrl must hold no user and no password')
  return url.href.replace(/\/+$/, '').replace(/\/api\/v1$/, '')
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new HotSwapError(`${name} must be a number of milliseconds above zero, not ${value}`)
  return value
}

function wholeNumber(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0)
    throw new HotSwapError(`${name} must be a whole number from zero up, not ${value}`)
  return value
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown; message?: unknown } } | undefined)?.cause
  return String(cause?.code ?? (cause?.message || (error as Error | undefined)?.message) ?? error)
}
