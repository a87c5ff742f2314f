import { useState } from 'preact/hooks'
import { dots, line, type Plane, type Sample, top, x } from '../series.ts'
import { clock } from '../time.ts'
import type { Tone } from '../words.ts'
import { Sign } from './status.tsx'

const WIDTH = 520
const HEIGHT = 130

/** Something that happened while a chart was measured. */
export interface Mark {
  readonly at: number
  readonly tone: Tone
  readonly title: string
  readonly sentence: string
}

interface Drawn {
  readonly title: string
  readonly canary: readonly Sample[]
  /** What it is compared with, where it is. */
  readonly control?: readonly Sample[]
  readonly from: number
  readonly to: number
  readonly stepMs: number
  /** The smallest top of the axis, so that noise around zero looks like noise. */
  readonly least: number
  readonly marks?: readonly Mark[]
  /** It says the newest verdict without being asked. */
  readonly isFirst?: boolean
  format(value: number): string
}

/** One metric of the new version (drawn through) against the old one (dashed), with what the judge said about it. */
export function Chart({ title, canary, control, from, to, stepMs, least, marks = [], isFirst = false, format }: Drawn) {
  const [pointed, setPointed] = useState<number>()
  const inside = (samples: readonly Sample[]) => samples.filter(({ at }) => at >= from && at <= to)
  const values = [...canary, ...(control ?? [])].flatMap(({ value }) => (value === null ? [] : [value]))
  const plane: Plane = { from, to, most: top(values, least), width: WIDTH, height: HEIGHT }
  const pointedAt = pointed === undefined ? undefined : marks[pointed]
  const newest = isFirst ? marks.at(-1) : undefined
  const shown = pointedAt ?? newest
  const now = latest(canary)
  const then = latest(control ?? [])
  const tell = (value: number | undefined) => (value === undefined ? 'not measured' : format(value))
  const said =
    control === undefined
      ? `${title}: ${tell(now)} at last.`
      : `${title}: new version ${tell(now)}, old version ${tell(then)} at last.`
  return (
    <figure class={isFirst ? 'chart first' : 'chart'}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-values">
          <span class="key canary">{now === undefined ? '–' : format(now)}</span>
          {control !== undefined && <span class="key control">{then === undefined ? '–' : format(then)}</span>}
        </span>
      </figcaption>
      {isFirst && marks.length === 0 && <p class="sentence faint">No wave has been judged here yet.</p>}
      {shown !== undefined && (
        <p class={`sentence ${shown.tone}`}>
          <Sign tone={shown.tone} />
          <span>
            <strong>{shown.title}.</strong> {shown.sentence}
          </span>
        </p>
      )}
      <div class="plane">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" role="img" aria-label={said}>
          {[0.5, 1].map((part) => (
            <line key={part} class="grid" x1="0" x2={WIDTH} y1={HEIGHT * (1 - part)} y2={HEIGHT * (1 - part)} />
          ))}
          <line class="axis" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
          {marks.map((mark) => (
            <line
              key={mark.at}
              class={`mark ${mark.tone}`}
              x1={x(plane, mark.at)}
              x2={x(plane, mark.at)}
              y1="0"
              y2={HEIGHT}
            />
          ))}
          <path class="control" d={line(inside(control ?? []), plane, stepMs * 2.5)} />
          <path class="canary" d={line(inside(canary), plane, stepMs * 2.5)} />
          {canary.length < 40 && <path class="dots" d={dots(inside(canary), plane)} />}
        </svg>
        <span class="most" aria-hidden="true">
          {format(plane.most)}
        </span>
        {marks.map((mark, index) => (
          <button
            key={mark.at}
            type="button"
            class={`flag ${mark.tone}`}
            style={{ left: `${(x(plane, mark.at) / WIDTH) * 100}%` }}
            aria-label={`${mark.title} at ${clock(mark.at)}: ${mark.sentence}`}
            onFocus={() => setPointed(index)}
            onBlur={() => setPointed(undefined)}
            onMouseEnter={() => setPointed(index)}
            onMouseLeave={() => setPointed(undefined)}
          >
            <Sign tone={mark.tone} />
          </button>
        ))}
      </div>
      <div class="times" aria-hidden="true">
        <span>{clock(from)}</span>
        <span>{clock(to)}</span>
      </div>
    </figure>
  )
}

function latest(samples: readonly Sample[]): number | undefined {
  return samples.findLast(({ value }) => value !== null)?.value ?? undefined
}
