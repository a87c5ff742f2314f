import { type Deployment, isEnd, type Rollout, type Stage } from '@hotswap/distributed-kernel-sdk'
import { useEffect, useRef } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { Sign } from '../../parts/status.tsx'
import { text, toneOf } from '../../words.ts'

/** The way of a deployment: stages, then environments, then validation. Environments are chosen here. */
export function Path({ deployment, chosen }: { deployment: Deployment; chosen: string }) {
  const before = ['Build', 'Test', 'SecurityScan'] as const
  const isOver = isEnd(deployment.status)
  const stage = (name: Stage['name']) => deployment.stages.find((each) => each.name === name)
  const path = useRef<HTMLOListElement>(null)
  // On a small screen the way is longer than the screen.
  useEffect(() => {
    const step = path.current?.querySelector<HTMLElement>('[aria-current]')
    if (path.current !== null && step) path.current.scrollLeft = step.offsetLeft - path.current.clientWidth / 3
  }, [chosen])
  return (
    <nav aria-label="Stages and environments">
      <ol class="path" ref={path}>
        {before.map((name) => (
          <StageStep key={name} name={name} stage={stage(name)} isOver={isOver} />
        ))}
        {deployment.environments.map((each) => (
          <li key={each.environment} class={`step ${stepTone(each)}`}>
            <Link
              href={`/deployments/${deployment.executionId}?environment=${each.environment}`}
              aria-current={each.environment === chosen ? 'true' : undefined}
            >
              <Sign tone={stepTone(each)} />
              <span class="step-name">{each.environment}</span>
              <span class="step-said">{text(each.phase)}</span>
            </Link>
          </li>
        ))}
        <StageStep name="Validation" stage={stage('Validation')} isOver={isOver} />
      </ol>
    </nav>
  )
}

function stepTone(rollout: Rollout) {
  return rollout.phase === 'Restored' || rollout.phase === 'Restoring' ? 'bad' : toneOf(rollout.phase)
}

function StageStep({ name, stage, isOver }: { name: string; stage: Stage | undefined; isOver: boolean }) {
  const tone =
    stage === undefined ? (isOver ? 'gone' : 'idle') : stage.status === 'Skipped' ? 'gone' : toneOf(stage.status)
  return (
    <li class={`step ${tone}`} title={stage?.message}>
      <span>
        <Sign tone={tone} />
        <span class="step-name">{text(name)}</span>
        <span class="step-said">{stage !== undefined ? text(stage.status) : isOver ? 'Not reached' : 'To come'}</span>
      </span>
    </li>
  )
}
