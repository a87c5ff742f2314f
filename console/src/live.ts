import type { DeploymentEvent } from '@hotswap/distributed-kernel-sdk'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { client, useSession } from './session.tsx'

/** What the API last answered. With an error and a value, the value is what was known before. */
export interface Answer<T> {
  readonly value: T | undefined
  readonly error: unknown
  readonly at: number
  /** Asks again at once. */
  again(): void
}

/** Asks again every `everyMs` while somebody looks, and at once when they look again; 0 asks once. */
export function useAnswer<T>(
  ask: (signal: AbortSignal) => PromiseLike<T>,
  deps: readonly unknown[],
  everyMs = 0,
): Answer<T> {
  const { isOver } = useSession()
  const [answer, setAnswer] = useState<Omit<Answer<T>, 'again'>>({ value: undefined, error: undefined, at: 0 })
  const [asked, setAsked] = useState(0)
  const over = useRef(isOver)
  over.current = isOver
  const question = useRef(ask)
  question.current = ask

  // What belongs to another address is not shown for this one.
  useEffect(() => setAnswer({ value: undefined, error: undefined, at: 0 }), deps)
  useEffect(() => {
    const leaving = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const next = () => {
      if (everyMs > 0 && !leaving.signal.aborted) timer = setTimeout(look, everyMs)
    }
    const look = async () => {
      if (document.hidden && everyMs > 0) return next()
      try {
        const value = await question.current(leaving.signal)
        if (!leaving.signal.aborted) setAnswer({ value, error: undefined, at: Date.now() })
      } catch (error) {
        if (leaving.signal.aborted) return
        if (over.current(error)) return
        setAnswer((before) => ({ ...before, error }))
      }
      next()
    }
    const seen = () => {
      if (document.hidden || everyMs === 0) return
      clearTimeout(timer)
      void look()
    }
    void look()
    document.addEventListener('visibilitychange', seen)
    return () => {
      leaving.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [...deps, everyMs, asked])

  return { ...answer, again: useCallback(() => setAsked((count) => count + 1), []) }
}

const GATHER_MS = 40

/** The timeline of a deployment, growing as it happens. */
export function useTimeline(executionId: string): { events: readonly DeploymentEvent[]; error: unknown } {
  const { isOver } = useSession()
  const [timeline, setTimeline] = useState<{ events: readonly DeploymentEvent[]; error: unknown }>({
    events: [],
    error: undefined,
  })
  const over = useRef(isOver)
  over.current = isOver
  useEffect(() => {
    const leaving = new AbortController()
    // What happened before comes all at once, and is shown at once.
    let fresh: DeploymentEvent[] = []
    const show = () => {
      const more = fresh
      fresh = []
      if (!leaving.signal.aborted) setTimeline(({ events }) => ({ events: [...events, ...more], error: undefined }))
    }
    const follow = async () => {
      setTimeline({ events: [], error: undefined })
      try {
        const watched = client.deployments.watch(executionId, {
          signal: leaving.signal,
          giveUpAfter: Number.POSITIVE_INFINITY,
        })
        for await (const event of watched) {
          if (fresh.length === 0) setTimeout(show, GATHER_MS)
          fresh.push(event)
        }
      } catch (error) {
        if (leaving.signal.aborted || over.current(error)) return
        setTimeline(({ events }) => ({ events, error }))
      }
    }
    void follow()
    return () => leaving.abort()
  }, [executionId])
  return timeline
}

/** The time, told again every `everyMs`, for what counts down. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    if (everyMs === 0) return
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
