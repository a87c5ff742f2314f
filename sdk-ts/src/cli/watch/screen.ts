import type { World } from '../world.ts'

const HIDE = '\u001b[?25l'
const SHOW = '\u001b[?25h'
const CLEAR_BELOW = '\u001b[J'

/** A part of the terminal that is drawn over again and again; what was there before stays. */
export class Screen {
  readonly #stdout: World['stdout']
  #drawn = 0
  #last = ''

  constructor(stdout: World['stdout']) {
    this.#stdout = stdout
    stdout.write(HIDE)
  }

  get width(): number {
    return this.#stdout.columns || 100
  }

  /** Draws these lines where the last ones were; the last lines when the terminal is not high enough for all. */
  draw(lines: readonly string[]): void {
    const height = Math.max((this.#stdout.rows || 50) - 1, 5)
    const shown = lines.length <= height ? lines : [...lines.slice(0, 2), ...lines.slice(lines.length - height + 2)]
    const text = shown.map((line) => `${line}\n`).join('')
    if (text === this.#last) return
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A\r` : ''
    this.#stdout.write(`${up}${CLEAR_BELOW}${text}`)
    this.#drawn = shown.length
    this.#last = text
  }

  /** Gives the terminal back; what was drawn last stays. */
  close(): void {
    this.#stdout.write(SHOW)
  }
}
