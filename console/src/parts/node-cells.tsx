import { CELL_TONES, CELL_WORDS, type Cell, summary } from '../cells.ts'
import { Sign } from './status.tsx'

const MOST = 240

/** Every node of a wave as a cell; which is which is said when it is pointed at or read out. */
export function NodeCells({ cells, label }: { cells: readonly Cell[]; label: string }) {
  const shown = cells.slice(0, MOST)
  return (
    <div class="cells-of">
      <ul class="cells" aria-label={`${label}: ${summary(cells)}`}>
        {shown.map((cell, index) => {
          const said = `${cell.name ?? 'A node'} ${CELL_WORDS[cell.is]}${cell.why ? `: ${cell.why}` : ''}`
          return (
            <li key={index} class={`cell ${CELL_TONES[cell.is]} is-${cell.is}`} title={said}>
              <Sign tone={CELL_TONES[cell.is]} />
              <span class="unseen">{said}</span>
            </li>
          )
        })}
      </ul>
      {cells.length > MOST && <span class="faint">and {cells.length - MOST} more</span>}
    </div>
  )
}
