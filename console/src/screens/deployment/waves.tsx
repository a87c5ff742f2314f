import type { Deployment, DeploymentEvent, Rollout, Wave } from '@hotswap/distributed-kernel-sdk'
import { cellsOf, type Running } from '../../cells.ts'
import { useNow } from '../../live.ts'
import { NodeCells } from '../../parts/node-cells.tsx'
import { Sign, Status } from '../../parts/status.tsx'
import { lasting } from '../../time.ts'
import { count, text, toneOf } from '../../words.ts'

/** The waves of one environment: which nodes, how far, for how long yet, and what was said of each. */
export function Waves({
  deployment,
  rollout,
  events,
  running,
}: {
  deployment: Deployment
  rollout: Rollout
  events: readonly DeploymentEvent[]
  running: Running
}) {
  return (
    <ol class="waves">
      {rollout.waves.map((wave) => (
        <li key={wave.number} class={`wave is-${wave.status}`} aria-current={isOn(wave, rollout) ? 'step' : undefined}>
          <div class="wave-head">
            <h3>
              Wave {wave.number + 1}
              <span class="faint">
                {' '}
                {KINDS[wave.kind]} {wave.nodes} of {count(rollout.fleet, 'node')}
                {wave.zone !== null && `, zone ${wave.zone}`}
              </span>
            </h3>
            {wave.status !== 'Pending' && <Status word={wave.status} />}
            {wave.status === 'Pending' && <span class="faint">bakes {lasting(wave.bakeSeconds * 1000)}</span>}
          </div>
          <NodeCells
            cells={cellsOf(wave, rollout, events, running, deployment.digest)}
            label={`${count(wave.nodes, 'node')} of wave ${wave.number + 1}`}
          />
          {isOn(wave, rollout) && rollout.phase === 'Baking' && rollout.bakeUntil !== null && (
            <Bake wave={wave} until={rollout.bakeUntil} />
          )}
          {isOn(wave, rollout) && rollout.phase === 'Paused' && (
            <p class="verdict wait">
              <Sign tone="wait" /> Paused. {rollout.message}
            </p>
          )}
          {wave.sentence !== null && wave.decision !== null && (
            <p class={`verdict ${toneOf(wave.decision)}`}>
              <Sign tone={toneOf(wave.decision)} />
              <span>
                {wave.sentence}
                {wave.comparedWith !== null && (
                  <small> Compared with: {COMPARED[wave.comparedWith] ?? text(wave.comparedWith)}.</small>
                )}
              </span>
            </p>
          )}
        </li>
      ))}
    </ol>
  )
}

const KINDS = { deploy: 'changes', stage: 'starts it beside the old version on', switch: 'switches' } as const
const COMPARED: Readonly<Record<string, string>> = {
  control: 'nodes with the old version, over the same time',
  before: 'the same nodes before',
  healthOnly: 'nothing; health only',
}

function isOn(wave: Wave, rollout: Rollout): boolean {
  return wave.number === rollout.wave && ['Deploying', 'Baking', 'Paused'].includes(rollout.phase)
}

/** How long it bakes yet. */
function Bake({ wave, until }: { wave: Wave; until: string }) {
  const now = useNow(250)
  const left = Math.max(0, Date.parse(until) - now)
  const begun = wave.deployedAt === null ? now : Date.parse(wave.deployedAt)
  const length = Math.max(1, Date.parse(until) - begun)
  const part = Math.min(1, Math.max(0, (now - begun) / length))
  return (
    <div class="bake">
      <progress max={1} value={part} aria-label={`Bake of wave ${wave.number + 1}`} />
      <span>
        {left > 0 ? `${lasting(left)} left to bake` : 'being judged'}
        {wave.holds > 0 && `, held ${count(wave.holds, 'time')} for more data`}
      </span>
    </div>
  )
}
