import { OrchestrationClient } from '../src/client.ts'
import type { ClientOptions } from '../src/options.ts'

/** A request as the fake saw it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly body: unknown
  readonly signal: AbortSignal | null
}

type Answer = Response | Error | 'never'
/** `count` is how many requests there were, this one included. */
export type Answers = (seen: Seen, count: number) => Answer | Promise<Answer>

/** An API that answers as a test says, and remembers what it was asked. A lost answer is an `Error`. */
export class FakeApi {
  readonly seen: Seen[] = []
  readonly #answers: Answers

  constructor(answers: Answers | readonly Answer[]) {
    const queue = typeof answers === 'function' ? [] : [...answers]
    this.#answers = typeof answers === 'function' ? answers : () => queue.shift() ?? json(200, {})
  }

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const url = new URL(String(input))
    const seen: Seen = {
      method: init.method ?? 'GET',
      path: url.pathname + url.search,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body,
      signal: init.signal ?? null,
    }
    this.seen.push(seen)
    const answer = await this.#answers(seen, this.seen.length)
    if (answer === 'never') return this.#untilAborted(seen)
    if (answer instanceof Error) throw answer
    return answer
  }

  client(options: Partial<ClientOptions> = {}): OrchestrationClient {
    return new OrchestrationClient({ baseUrl: 'https://api.test', token: 'given', fetch: this.fetch, ...options })
  }

  paths(): string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`)
  }

  bearers(): (string | null)[] {
    return this.seen.map(({ headers }) => headers.get('authorization'))
  }

  #untilAborted({ signal }: Seen): Promise<Response> {
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(new DOMException('This operation was aborted', 'AbortError')))
    })
  }
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

export function problem(status: number, extra: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
  const body = {
    type: '/problems/x',
    title: 'Title',
    status,
    detail: 'Detail.',
    requestId: 'r-1',
    errors: [],
    ...extra,
  }
  return json(status, body, { 'content-type': 'application/problem+json', ...headers })
}

/** What `fetch` of Node throws when nobody listens. */
export function refused(): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) })
}

/** Lets all of virtual time pass that a promise needs; what it settles to. */
export async function settled<T>(promise: Promise<T>): Promise<T | Error> {
  const outcome = promise.catch((error: unknown) => error as Error)
  let isDone = false
  void outcome.finally(() => {
    isDone = true
  })
  for (let turns = 0; turns < 10_000 && !isDone; turns++) await jest.advanceTimersByTimeAsync(100)
  return outcome
}

export const DEPLOYMENT = {
  executionId: '01K0000000000000000000000A',
  kind: 'deploy',
  moduleName: 'payment-processor',
  version: '2.0.0',
  status: 'Running',
  error: null,
}
