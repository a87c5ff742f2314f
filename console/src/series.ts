/** One measured value; null where nothing was measured. */
export interface Sample {
  readonly at: number
  readonly value: number | null
}

/** Where a chart's plane is, in its own units. */
export interface Plane {
  readonly from: number
  readonly to: number
  readonly most: number
  readonly width: number
  readonly height: number
}

/** The place of an instant. */
export function x({ from, to, width }: Plane, at: number): number {
  return to > from ? ((at - from) / (to - from)) * width : width / 2
}

/** The place of a value; zero is at the bottom. */
export function y({ most, height }: Plane, value: number): number {
  return height - (Math.min(value, most) / most) * height
}

/** A line through the samples as the `d` of a path, broken where nothing was measured for more than `gapMs`. */
export function line(samples: readonly Sample[], plane: Plane, gapMs: number): string {
  let last: number | undefined
  return samples
    .flatMap(({ at, value }) => {
      if (value === null) return []
      const verb = last !== undefined && at - last <= gapMs ? 'L' : 'M'
      last = at
      return [`${verb}${x(plane, at).toFixed(1)} ${y(plane, value).toFixed(1)}`]
    })
    .join('')
}

/** The same samples as dots: what was measured, and what only joins it. */
export function dots(samples: readonly Sample[], plane: Plane): string {
  return samples
    .flatMap(({ at, value }) =>
      value === null ? [] : [`M${x(plane, at).toFixed(1)} ${y(plane, value).toFixed(1)}h.01`],
    )
    .join('')
}

/** The top of an axis that holds the largest value: one, two or five times a power of ten, at least `least`. */
export function top(values: readonly number[], least: number): number {
  const largest = Math.max(least, ...values)
  const power = 10 ** Math.floor(Math.log10(largest))
  return ([1, 2, 5, 10].find((step) => step * power >= largest) ?? 10) * power
}

/** How long one point of a chart stands for: ten seconds, or so that a hundred of them cover the span. */
export function stepSeconds(spanMs: number): number {
  return Math.max(10, Math.ceil(spanMs / 100 / 10_000) * 10)
}

export const FORMATS = {
  share: (value: number) => `${trimmed(value / 100)} %`,
  duration: (value: number) =>
    value >= 1_000_000
      ? `${trimmed(value / 1_000_000)} s`
      : value >= 1_000
        ? `${trimmed(value / 1000)} ms`
        : `${Math.round(value)} µs`,
  bytes: (value: number) => (value >= 1_000_000 ? `${trimmed(value / 1_000_000)} MB` : `${trimmed(value / 1000)} kB`),
  number: (value: number) => trimmed(value),
} as const

function trimmed(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return Number(value.toFixed(digits)).toString()
}
