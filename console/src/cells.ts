import type { DeploymentEvent, Rollout, Wave } from '@hotswap/distributed-kernel-sdk'
import type { Tone } from './words.ts'

/** How one node of a wave is, and why where it is not well. */
export interface Cell {
  /** Null while the wave has not begun: which nodes it takes is known when it does. */
  readonly name: string | null
  readonly is: CellState
  readonly why?: string
}

export type CellState = 'waiting' | 'changing' | 'changed' | 'kept' | 'failed' | 'returning' | 'returned' | 'stuck'

export const CELL_TONES: Readonly<Record<CellState, Tone>> = {
  waiting: 'idle',
  changing: 'moving',
  changed: 'moving',
  kept: 'good',
  failed: 'bad',
  returning: 'wait',
  returned: 'gone',
  stuck: 'bad',
}

export const CELL_WORDS: Readonly<Record<CellState, string>> = {
  waiting: 'runs the old version',
  changing: 'is changing',
  changed: 'runs the new version, which is being watched',
  kept: 'runs the new version',
  failed: 'did not take the new version',
  returning: 'is going back',
  returned: 'runs what it ran before again',
  stuck: 'could not be brought back',
}

/** What a node runs of the module: the digest, null for nothing, undefined where that is not known. */
export type Running = (name: string) => string | null | undefined

/** The nodes of a wave, from its events and from what they run now. */
export function cellsOf(
  wave: Wave,
  rollout: Rollout,
  events: readonly DeploymentEvent[],
  running: Running,
  digest: string | null,
): readonly Cell[] {
  const own = events.filter(({ environment }) => environment === rollout.environment)
  const started = own.findLast((event) => event.type === 'WaveStarted' && event.wave === wave.number)
  const names = started?.type === 'WaveStarted' ? started.detail.nodes : []
  const failed = failures(own)
  const restored = own.findLast((event) => event.type === 'RestoreEnded')
  const unverified: readonly string[] = restored?.type === 'RestoreEnded' ? restored.detail.unverified : []
  const cells = names.map((name): Cell => {
    const why = failed.get(name)
    return { name, is: stateOf(name, why !== undefined, unverified), ...(why !== undefined && { why }) }
  })
  // An old timeline may not name all of them.
  const unnamed = Math.max(0, wave.nodes - cells.length)
  const rest: Cell = { name: null, is: names.length > 0 ? stateOf(null, false, unverified) : 'waiting' }
  return [...cells, ...Array.from({ length: unnamed }, () => rest)]

  function stateOf(name: string | null, hasFailed: boolean, left: readonly string[]): CellState {
    const runs = name === null ? undefined : running(name)
    if (rollout.phase === 'Restoring') return runs !== undefined && runs !== digest ? 'returned' : 'returning'
    if (rollout.phase === 'Restored') return 'returned'
    if (rollout.phase === 'RestoreFailed') return name !== null && left.includes(name) ? 'stuck' : 'returned'
    if (hasFailed) return 'failed'
    if (wave.status === 'Promoted') return 'kept'
    if (wave.status === 'Baking') return 'changed'
    if (wave.status === 'Deploying') return runs === digest && wave.kind !== 'stage' ? 'changed' : 'changing'
    return 'waiting'
  }
}

function failures(events: readonly DeploymentEvent[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const event of events) {
    if (event.type === 'NodeFailed') for (const name of event.detail.nodes) found.set(name, event.detail.reason)
  }
  return found
}

/** What the cells of a wave come to, in words: `2 changed, 1 changing`. */
export function summary(cells: readonly Cell[]): string {
  const counts = new Map<CellState, number>()
  for (const { is } of cells) counts.set(is, (counts.get(is) ?? 0) + 1)
  return [...counts].map(([is, number]) => `${number} ${is}`).join(', ')
}
