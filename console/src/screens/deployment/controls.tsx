import { type Deployment, isEnd, type Rollout, type User } from '@hotswap/distributed-kernel-sdk'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import { Confirm } from '../../parts/dialog.tsx'
import { mayControl } from '../../rights.ts'
import { client } from '../../session.tsx'

type Verb = 'pause' | 'resume' | 'promote' | 'cancel' | 'rollback' | 'retry'

interface Control {
  readonly verb: Verb
  readonly name: string
  readonly isDangerous?: boolean
  /** Whether saying it now would change something. */
  fits(deployment: Deployment, current: Rollout | undefined): boolean
  effect(deployment: Deployment, current: Rollout | undefined): ComponentChildren
}

const CHANGING: readonly string[] = ['Deploying', 'Baking', 'Paused']

export const CONTROLS: readonly Control[] = [
  {
    verb: 'pause',
    name: 'Pause',
    fits: (_, current) =>
      current !== undefined && (current.phase === 'Deploying' || current.phase === 'Baking') && !current.pauseRequested,
    effect: (_, current) =>
      `${current?.environment} stays as it is, half old and half new, until somebody resumes. The judge goes on looking: a version that does harm is taken back all the same.`,
  },
  {
    verb: 'resume',
    name: 'Resume',
    fits: (_, current) => current !== undefined && (current.phase === 'Paused' || current.pauseRequested),
    effect: () => 'It goes on with what is left of the bake.',
  },
  {
    verb: 'promote',
    name: 'End this bake',
    fits: (_, current) => current !== undefined && (current.phase === 'Baking' || current.phase === 'Paused'),
    effect: (_, current) =>
      `Wave ${(current?.wave ?? 0) + 1} is judged now, by what has been measured so far. The judge still decides.`,
  },
  {
    verb: 'cancel',
    name: 'Cancel',
    isDangerous: true,
    fits: (deployment) =>
      !isEnd(deployment.status) && deployment.status !== 'RollingBack' && deployment.cancelRequestedBy === null,
    effect: (deployment, current) =>
      current !== undefined && CHANGING.includes(current.phase)
        ? `The ${current.touchedNodes} nodes touched in ${current.environment} get back what they ran. Environments before it keep ${deployment.version}.`
        : `Nothing more is changed. Environments that have ${deployment.version} keep it.`,
  },
  {
    verb: 'rollback',
    name: 'Roll back',
    isDangerous: true,
    fits: (deployment) =>
      deployment.status === 'Completed' &&
      deployment.environments.some(
        ({ environment, phase, fromVersion }) =>
          environment === deployment.targetEnvironment && phase === 'Promoted' && fromVersion !== null,
      ),
    effect: (deployment) => {
      const target = deployment.environments.find(({ environment }) => environment === deployment.targetEnvironment)
      return `A new deployment brings ${target?.fromVersion} back to ${deployment.targetEnvironment}, without approval and before all others in the queue.`
    },
  },
  {
    verb: 'retry',
    name: 'Try again',
    fits: (deployment) => isEnd(deployment.status) && deployment.status !== 'Completed',
    effect: () =>
      'A new deployment of the same version goes on where this one ended: tests that passed are not run again, approvers are asked again.',
  },
]

/** What may be said to a deployment now, by whom. Nothing is shown that would be refused. */
export function controlsFor(deployment: Deployment, user: User): readonly Control[] {
  if (!mayControl(user, deployment.targetEnvironment)) return []
  const current = currentOf(deployment)
  return CONTROLS.filter((control) => control.fits(deployment, current))
}

/** The environment that is being changed, or waits to be. */
export function currentOf({ environments }: Pick<Deployment, 'environments'>): Rollout | undefined {
  const ends = ['Pending', 'Skipped', 'Refused', 'Promoted', 'Restored', 'RestoreFailed']
  return environments.find(({ phase }) => !ends.includes(phase))
}

export function Controls({ deployment, user, onSaid }: { deployment: Deployment; user: User; onSaid(): void }) {
  const [asked, setAsked] = useState<Control>()
  const [, go] = useLocation()
  const current = currentOf(deployment)
  const say = async ({ verb }: Control, reason: string) => {
    const { executionId } = deployment
    // Ends the bake that was looked at, and no other.
    const body = verb === 'promote' && current?.wave != null ? { reason, wave: current.wave } : { reason }
    const after = await client.deployments[verb](executionId, body)
    if (after.executionId !== executionId) go(`/deployments/${after.executionId}`)
    onSaid()
  }
  return (
    <>
      {controlsFor(deployment, user).map((control) => (
        <button
          key={control.verb}
          type="button"
          class={control.isDangerous ? 'danger' : ''}
          onClick={() => setAsked(control)}
        >
          {control.name}
        </button>
      ))}
      {asked !== undefined && (
        <Confirm
          title={`${asked.name}: ${deployment.moduleName} ${deployment.version}?`}
          verb={asked.name}
          isDangerous={asked.isDangerous ?? false}
          onSay={(reason) => say(asked, reason)}
          onClose={() => setAsked(undefined)}
        >
          <p>{asked.effect(deployment, current)}</p>
        </Confirm>
      )}
    </>
  )
}
