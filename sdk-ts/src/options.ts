import type { TokenStore } from './session.ts'

/** A user name and its password. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** What happened before a request is sent again. */
export interface RetryNotice {
  /** 1 for the first repetition. */
  readonly repetition: number
  readonly delayMs: number
  readonly error: Error
}

/** How a client is made. */
export interface ClientOptions {
  /** Where the API is, without `/api/v1`: `https://hotswap.example.com`. */
  readonly baseUrl: string
  /** Logs in with these, on `authenticate()` or before the first call that needs it, and again when a session ends. */
  readonly credentials?: Credentials | undefined
  /** Or with the identity token of an issuer that HotSwap trusts, or a function that gets one (a CI job). */
  readonly identityToken?: string | (() => string | Promise<string>) | undefined
  /** A token to use instead, or a function that gives one whenever a call needs it. */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** How many times a call is repeated after its first attempt. Default 3. */
  readonly retryAttempts?: number | undefined
  /** Milliseconds before the first repetition; each further one waits twice as long. Default 2,000. */
  readonly retryDelay?: number | undefined
  /** The longest wait before a repetition, in milliseconds. Default 60,000. */
  readonly maxRetryDelay?: number | undefined
  /** Milliseconds one attempt may take. Default 30,000. */
  readonly timeout?: number | undefined
  /** Sent with every request. Default none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Called instead of the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined
  /** Told before every repetition. */
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
  /** Where tokens are kept. Default: in memory, and nowhere else. */
  readonly tokenStore?: TokenStore | undefined
}

/** What may be said differently for one call. */
export interface RequestOptions {
  /** Aborts the call, its waits and its repetitions; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  readonly timeout?: number | undefined
  readonly retryAttempts?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** For calls that make something: the same key and body are done once. Default: a new key for each call. */
  readonly idempotencyKey?: string | undefined
}
