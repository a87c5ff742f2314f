import type { ComponentChildren } from 'preact'
import type { Answer } from '../live.ts'
import { told } from '../session.tsx'
import { away, clock, whole } from '../time.ts'
import { Sign } from './status.tsx'

/** That there is nothing, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** What went wrong, in the words of the API. */
export function Problem({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  return (
    <div class="problem" role="alert">
      <Sign tone="bad" />
      <p>{told(error)}</p>
      {again !== undefined && (
        <button type="button" class="quiet" onClick={again}>
          Try again
        </button>
      )}
    </div>
  )
}

/** What an answer shows; while there is none, that it is asked for; when it cannot be had, why. */
export function Shown<T>({ of, children }: { of: Answer<T>; children: (value: T) => ComponentChildren }) {
  if (of.value === undefined) {
    return of.error === undefined ? <Waiting /> : <Problem error={of.error} again={of.again} />
  }
  return (
    <>
      {of.error !== undefined && (
        <div class="problem stale" role="status">
          <Sign tone="wait" />
          <p>
            This is what was known at {clock(of.at)}. {told(of.error)}
          </p>
        </div>
      )}
      {children(of.value)}
    </>
  )
}

/** That something is asked for; shown after a moment only, so that nothing flickers. */
export function Waiting() {
  return (
    <p class="waiting" role="status">
      <Sign tone="moving" /> Loading
    </p>
  )
}

/** An instant, told by its distance; in full for whoever asks. */
export function When({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={whole(at)}>
      {away(at, now)}
    </time>
  )
}
