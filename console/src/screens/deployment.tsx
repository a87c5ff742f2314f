import { type Deployment, type DeploymentEvent, isEnd, type Rollout } from '@hotswap/distributed-kernel-sdk'
import { useEffect, useState } from 'preact/hooks'
import { Link, useParams, useSearchParams } from 'wouter-preact'
import { useAnswer, useNow, useTimeline } from '../live.ts'
import { Problem, Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Sign, Status } from '../parts/status.tsx'
import { WaveSteps } from '../parts/wave-steps.tsx'
import { client, useUser } from '../session.tsx'
import { whole } from '../time.ts'
import { count, short, text } from '../words.ts'
import { Charts } from './deployment/charts.tsx'
import { Controls, currentOf } from './deployment/controls.tsx'
import { Path } from './deployment/path.tsx'
import { Timeline } from './deployment/timeline.tsx'
import { Waves } from './deployment/waves.tsx'

/** The timeline tells of everything at once; this tells when the API is away. */
const RARELY_MS = 10_000

/** One deployment, as it happens. */
export function DeploymentScreen() {
  const { executionId = '' } = useParams()
  const timeline = useTimeline(executionId)
  const [isOver, setOver] = useState(false)
  const answer = useAnswer(() => client.deployments.getStatus(executionId), [executionId], isOver ? 0 : RARELY_MS)
  useEffect(() => setOver(answer.value !== undefined && isEnd(answer.value.status)), [answer.value])
  const { again } = answer
  const told = timeline.events.length
  // Whatever happened is in the timeline first; then all of it is asked for.
  useEffect(() => {
    if (told > 0) again()
  }, [told, again])
  return (
    <Shown of={answer}>
      {(deployment) => (
        <One
          deployment={deployment}
          events={timeline.events}
          error={isOver ? undefined : timeline.error}
          again={again}
        />
      )}
    </Shown>
  )
}

function One({
  deployment,
  events,
  error,
  again,
}: {
  deployment: Deployment
  events: readonly DeploymentEvent[]
  error: unknown
  again(): void
}) {
  const user = useUser()
  const now = useNow(1_000)
  const [search] = useSearchParams()
  const rollout = chosenOf(deployment, search.get('environment'))
  const { moduleName, version, targetEnvironment } = deployment
  return (
    <Screen
      title={`${moduleName} ${version}`}
      above={<Link href="/deployments">Deployments</Link>}
      actions={<Controls deployment={deployment} user={user} onSaid={again} />}
    >
      <p class="lead">
        <Status word={deployment.status} />
        <span>
          {deployment.kind === 'rollback' ? 'back ' : ''}to <strong>{targetEnvironment}</strong>, asked by{' '}
          {deployment.requestedBy} <When at={deployment.startTime} now={now} />
          {deployment.endTime !== null && (
            <>
              , ended <When at={deployment.endTime} now={now} />
            </>
          )}
        </span>
      </p>
      {deployment.description !== '' && <p class="description">{deployment.description}</p>}
      <div aria-live="polite">
        {deployment.error !== null && (
          <p class={deployment.status === 'Cancelled' || deployment.status === 'Superseded' ? 'notice' : 'problem'}>
            <Sign tone={deployment.status === 'Cancelled' ? 'gone' : 'bad'} />
            <span>{deployment.error.message}</span>
          </p>
        )}
        {deployment.status === 'PendingApproval' && (
          <p class="notice">
            <Sign tone="wait" />
            <span>
              People have to agree before {currentOf(deployment)?.environment} is changed.{' '}
              <Link href={`/approvals/${deployment.executionId}`}>See what is asked</Link>
            </span>
          </p>
        )}
        {error !== undefined && <Problem error={error} again={again} />}
      </div>
      <Path deployment={deployment} chosen={rollout?.environment ?? ''} />
      <div class="columns">
        <div>{rollout !== undefined && <Leg deployment={deployment} rollout={rollout} events={events} />}</div>
        <div>
          <Timeline events={events} />
          <Facts deployment={deployment} />
        </div>
      </div>
    </Screen>
  )
}

/** What happens in one environment. */
function Leg({
  deployment,
  rollout,
  events,
}: {
  deployment: Deployment
  rollout: Rollout
  events: readonly DeploymentEvent[]
}) {
  const moves = rollout.phase === 'Deploying' || rollout.phase === 'Restoring'
  const cluster = useAnswer(
    () => client.clusters.get(rollout.environment),
    [rollout.environment],
    moves ? 1_000 : isEnd(deployment.status) ? 0 : 4_000,
  )
  const active = new Map(
    cluster.value?.nodes.map(({ name, modules }) => [
      name,
      modules.find(({ moduleName }) => moduleName === deployment.moduleName)?.active ?? null,
    ]),
  )
  const isPlanned = rollout.waves.length > 0
  const elsewhere = [deployment.error?.message, ...rollout.waves.map(({ sentence }) => sentence), '']
  const isSaid = rollout.phase === 'Paused' || elsewhere.includes(rollout.message)
  return (
    <>
      <section aria-label={rollout.environment} class="leg">
        <div class="title-line">
          <h2>
            <Link href={`/environments/${rollout.environment}`}>{rollout.environment}</Link>
          </h2>
          <Status word={rollout.phase} />
        </div>
        <p class="faint leg-plan">
          {rollout.strategy !== null && isPlanned && `${text(rollout.strategy)} over ${count(rollout.fleet, 'node')}, `}
          <span class="version">{rollout.fromVersion ?? 'nothing'}</span> <span aria-hidden="true">→</span>
          <span class="unseen">to</span> <span class="version">{deployment.version}</span>
          {rollout.restore !== null &&
            `; ${rollout.restore.restoredNodes} of ${count(rollout.restore.nodes, 'node')} restored`}
        </p>
        {!isSaid && <p class="leg-message">{rollout.message}</p>}
        {isPlanned ? (
          <Waves deployment={deployment} rollout={rollout} events={events} running={(name) => active.get(name)} />
        ) : (
          <>
            <p class="faint">{NOT_PLANNED[rollout.phase] ?? 'No waves were planned here.'}</p>
            {rollout.phase === 'AwaitingApproval' && <Asked executionId={deployment.executionId} />}
          </>
        )}
      </section>
      {isPlanned && <Charts deployment={deployment} rollout={rollout} events={events} />}
    </>
  )
}

/** The plan people are asked about. */
function Asked({ executionId }: { executionId: string }) {
  const question = useAnswer(() => client.approvals.get(executionId), [executionId], 5_000)
  const plan = question.value?.plan
  if (!plan) return null
  return (
    <div class="sheet padded asked">
      <p>
        {question.value?.stillNeeded.sentence} This would happen: {text(plan.strategy)} over {count(plan.fleet, 'node')}
        .
      </p>
      <WaveSteps waves={plan.waves} fleet={plan.fleet} />
    </div>
  )
}

const NOT_PLANNED: Readonly<Record<string, string>> = {
  Pending: 'Its turn has not come. Waves are planned when it begins, with the nodes there are then.',
  Skipped: 'Nothing is done here.',
  AwaitingApproval: 'Waves are planned once enough people have agreed.',
  AwaitingTurn: 'Another deployment changes this module here; this one is next in line.',
  Frozen: 'The calendar forbids to begin now.',
}

function Facts({ deployment }: { deployment: Deployment }) {
  const metadata = Object.entries(deployment.metadata)
  const links = [
    ['Undoes', deployment.undoes],
    ['Tries again', deployment.retries],
    ['Superseded by', deployment.supersededBy],
  ] as const
  return (
    <section aria-label="About this deployment">
      <h2>About</h2>
      <dl class="facts">
        <dt>Id</dt>
        <dd class="mono">{deployment.executionId}</dd>
        <dt>Digest</dt>
        <dd class="mono" title={deployment.digest ?? ''}>
          {short(deployment.digest)}
        </dd>
        <dt>Asked for</dt>
        <dd>{whole(deployment.startTime)}</dd>
        {links.map(
          ([name, id]) =>
            id !== null && (
              <>
                <dt>{name}</dt>
                <dd>
                  <Link href={`/deployments/${id}`} class="mono">
                    {id}
                  </Link>
                </dd>
              </>
            ),
        )}
        {deployment.requesterEmail !== '' && (
          <>
            <dt>Contact</dt>
            <dd>{deployment.requesterEmail}</dd>
          </>
        )}
        {deployment.hotfixReason !== null && (
          <>
            <dt>Hotfix</dt>
            <dd>{deployment.hotfixReason}</dd>
          </>
        )}
        {deployment.breakGlassReason !== null && (
          <>
            <dt>Break-glass</dt>
            <dd>{deployment.breakGlassReason}</dd>
          </>
        )}
        {metadata.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
      <p>
        <Link href={`/audit?subject=${deployment.executionId}`}>Who did what: the audit</Link>
      </p>
    </section>
  )
}

/** The environment somebody chose, or the one where something happens, or happened last. */
function chosenOf({ environments }: Deployment, chosen: string | null): Rollout | undefined {
  return (
    environments.find(({ environment }) => environment === chosen) ??
    currentOf({ environments }) ??
    environments.findLast(({ phase }) => !['Pending', 'Skipped'].includes(phase)) ??
    environments.at(-1)
  )
}
