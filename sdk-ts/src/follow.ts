import { ApiError, NetworkError, TimeoutError } from './errors.ts'
import { pause } from './http/waiting.ts'
import type { RequestOptions } from './options.ts'
import type { EventPage } from './resources/deployments.ts'
import type { DeploymentEvent } from './types.ts'

/** How a deployment is watched. */
export interface WatchOptions extends RequestOptions {
  /** Begin behind this event. Default 0: from the first on. */
  readonly after?: number | undefined
  /** Seconds one call waits for an event, at most 20. Default 20. */
  readonly waitSeconds?: number | undefined
  /** Milliseconds without any answer after which watching gives up. Default 300,000. */
  readonly giveUpAfter?: number | undefined
}

const LEAST_MS_BETWEEN_EMPTY_ANSWERS = 1_000

/** Asks for events again and again, across answers that got lost, and gives each once and in order. */
export async function* follow(
  ask: (after: number, waitSeconds: number) => Promise<EventPage>,
  { after = 0, waitSeconds = 20, giveUpAfter = 300_000, signal }: WatchOptions,
): AsyncGenerator<DeploymentEvent, void, undefined> {
  let last = after
  let answeredAt = Date.now()
  for (;;) {
    const askedAt = Date.now()
    let page: EventPage
    try {
      page = await ask(last, waitSeconds)
    } catch (error) {
      if (!isInterruption(error) || Date.now() - answeredAt >= giveUpAfter) throw error
      await pause(LEAST_MS_BETWEEN_EMPTY_ANSWERS, signal)
      continue
    }
    answeredAt = Date.now()
    for (const event of [...page.events].sort((a, b) => a.seq - b.seq)) {
      if (event.seq <= last) continue
      last = event.seq
      yield event
    }
    if (page.ended) return
    // A server that has no place left to wait in answers at once; then it is asked once a second.
    const rest = LEAST_MS_BETWEEN_EMPTY_ANSWERS - (answeredAt - askedAt)
    if (page.events.length === 0 && rest > 0) await pause(rest, signal)
  }
}

function isInterruption(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500 || error.status === 408 || error.status === 429
  return error instanceof NetworkError || error instanceof TimeoutError
}
