import { lasting } from '../time.ts'
import { count } from '../words.ts'

interface Step {
  readonly kind: string
  readonly nodes: number
  readonly bakeSeconds: number
  readonly nodeNames?: readonly string[]
}

/** How a fleet changes, wave by wave: the longer the bar, the more of it runs the new version. */
export function WaveSteps({ waves, fleet }: { waves: readonly Step[]; fleet: number }) {
  let changed = 0
  return (
    <ol class="steps">
      {waves.map((wave, index) => {
        if (wave.kind !== 'stage') changed += wave.nodes
        const share = fleet > 0 ? Math.round((changed / fleet) * 100) : 0
        return (
          <li key={index} title={wave.nodeNames?.join(', ')}>
            <span class="step-no">{index + 1}</span>
            <span class="bar" aria-hidden="true">
              <span style={{ width: `${share}%` }} />
            </span>
            <span class="step-text">
              {wave.kind === 'stage' ? `starts beside the old on ${count(wave.nodes, 'node')}` : `${share} %`}
              <small>
                {' '}
                {wave.kind !== 'stage' && `+ ${count(wave.nodes, 'node')}, `}
                {wave.bakeSeconds > 0 ? `bakes ${lasting(wave.bakeSeconds * 1000)}` : 'judged at once'}
              </small>
            </span>
          </li>
        )
      })}
    </ol>
  )
}
