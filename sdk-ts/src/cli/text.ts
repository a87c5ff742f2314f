import type { Paint, Style } from './paint.ts'

const STYLES: Readonly<Record<string, Style>> = {
  Completed: 'green',
  Approved: 'green',
  Succeeded: 'green',
  promote: 'green',
  healthy: 'green',
  Healthy: 'green',
  Running: 'cyan',
  Pending: 'cyan',
  Queued: 'cyan',
  PendingApproval: 'yellow',
  Paused: 'yellow',
  hold: 'yellow',
  degraded: 'yellow',
  Silent: 'yellow',
  RolledBack: 'yellow',
  RollingBack: 'yellow',
  Superseded: 'yellow',
  Cancelled: 'yellow',
  Failed: 'red',
  RollbackFailed: 'red',
  Rejected: 'red',
  Expired: 'red',
  rollback: 'red',
  unhealthy: 'red',
  Unhealthy: 'red',
}

/** A status, a verdict or a health in its colour. */
export function coloured(word: string, paint: Paint): string {
  const style = STYLES[word]
  return style === undefined ? word : paint(style, word)
}

/** A length of time as people say it: `45 s`, `12 min`, `3 h 05 min`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(Math.round(milliseconds / 1000), 0)
  if (seconds < 100) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 100) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, '0')} min` : `${Math.round(hours / 24)} days`
}

/** How long ago an instant was. */
export function ago(instant: string, now: number): string {
  return `${span(now - Date.parse(instant))} ago`
}

/** The time of day, where the reader is. */
export function clock(instant: string): string {
  const at = new Date(instant)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** A digest short enough for a table. */
export function shortDigest(digest: string | null): string {
  return digest === null ? '–' : digest.replace('sha256:', '').slice(0, 12)
}

/** `1 node`, `2 nodes`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
