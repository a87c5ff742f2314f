import { type Tone, text, toneOf } from '../words.ts'

/** A shape of its own for each tone: whoever sees no colours sees these. */
export function Sign({ tone }: { tone: Tone }) {
  return (
    <svg class={`sign ${tone}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {SHAPES[tone]}
    </svg>
  )
}

const SHAPES = {
  idle: <circle cx="8" cy="8" r="5.5" class="line" stroke-dasharray="2.6 2.2" />,
  moving: (
    <>
      <circle cx="8" cy="8" r="5.5" class="line faint" />
      <path d="M8 2.5A5.5 5.5 0 0 1 13.5 8" class="line turning" />
    </>
  ),
  went: <circle cx="8" cy="8" r="3" class="fill" />,
  good: (
    <>
      <circle cx="8" cy="8" r="6.5" class="fill" />
      <path d="M5 8.3l2.1 2.1L11.2 6" class="cut" />
    </>
  ),
  wait: (
    <>
      <path d="M8 1.2L14.8 8 8 14.8 1.2 8z" class="fill" />
      <path d="M6.6 5.8v4.4M9.4 5.8v4.4" class="cut" />
    </>
  ),
  bad: (
    <>
      <path d="M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z" class="fill" />
      <path d="M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6" class="cut" />
    </>
  ),
  gone: (
    <>
      <circle cx="8" cy="8" r="5.5" class="line" />
      <path d="M5.3 8h5.4" class="line" />
    </>
  ),
} as const

/** A word of the API with its sign; `say` tells it in other words. */
export function Status({ word, say }: { word: string; say?: string }) {
  return (
    <span class={`status ${toneOf(word)}`}>
      <Sign tone={toneOf(word)} />
      {say ?? text(word)}
    </span>
  )
}
