const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const DAY = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })

/** The time of the day, in the viewer's zone. */
export function clock(at: string | number): string {
  return CLOCK.format(new Date(at))
}

/** The day and the minute, in the viewer's zone. */
export function day(at: string | number): string {
  return DAY.format(new Date(at))
}

/** Everything about an instant, with the zone it is told in. */
export function whole(at: string | number): string {
  return WHOLE.format(new Date(at))
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
]

/** A length of time in its two largest units: `1 h 5 min`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const first = UNITS.findIndex(([, size]) => seconds >= size)
  if (first === -1) return '0 s'
  const [name, size] = UNITS[first] ?? ['s', 1]
  const next = UNITS[first + 1]
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / next[1])
  return `${Math.floor(seconds / size)} ${name}${rest > 0 && next !== undefined ? ` ${rest} ${next[0]}` : ''}`
}

/** How long ago, or in how long, in the largest unit. */
export function away(at: string | number, now: number): string {
  const ms = new Date(at).getTime() - now
  if (Math.abs(ms) < 1_500) return 'now'
  const [name, size] = UNITS.find(([, seconds]) => Math.abs(ms) >= seconds * 1000) ?? ['s', 1]
  const long = `${Math.floor(Math.abs(ms) / size / 1000)} ${name}`
  return ms < 0 ? `${long} ago` : `in ${long}`
}
