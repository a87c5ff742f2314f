import type { ClusterSummary } from '@hotswap/distributed-kernel-sdk'
import { isEnd } from '@hotswap/distributed-kernel-sdk'
import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { useAnswer } from '../live.ts'
import { PAGES } from '../pages.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Empty, Shown } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Status } from '../parts/status.tsx'
import { mayDeploy, mayStopLine } from '../rights.ts'
import { client, useUser } from '../session.tsx'
import { count } from '../words.ts'
import { Questions } from './approvals.tsx'
import { DeploymentRows } from './deployments.tsx'

const MOVING_MS = 3_000
const IDLE_MS = 8_000

/** Side by side: what runs where, what moves, and what waits for whoever looks. */
export function Overview() {
  const user = useUser()
  const deployments = useAnswer(() => client.deployments.list({ limit: 20 }), [], MOVING_MS)
  const moving = (deployments.value?.items ?? []).filter(({ status }) => !isEnd(status))
  const everyMs = moving.length > 0 ? MOVING_MS : IDLE_MS
  const clusters = useAnswer(() => client.clusters.list().all(), [], everyMs)
  const approvals = useAnswer(() => client.approvals.listPending({ limit: 20 }), [], everyMs)
  const line = useAnswer(() => client.line.get(), [], 10_000)
  const isStopped = line.value?.state === 'stopped'
  const [asksForLine, setAsked] = useState(false)
  const mine = (approvals.value?.items ?? []).filter((each) => !each.mayNotDecide.includes(user.username))
  return (
    <Screen
      title="Overview"
      actions={
        <>
          {line.value !== undefined && mayStopLine(user) && (
            <button type="button" class={isStopped ? '' : 'danger'} onClick={() => setAsked(true)}>
              {isStopped ? 'Let the line run' : 'Stop the line'}
            </button>
          )}
          {mayDeploy(user) && (
            <Link href={PAGES.newDeployment} class="button primary">
              New deployment
            </Link>
          )}
        </>
      }
    >
      {isStopped && (
        <p class="notice" role="status">
          <Status word="Paused" say="The line is stopped" /> by {line.value?.stoppedBy}: {line.value?.stoppedBecause}
        </p>
      )}
      {mine.length > 0 && (
        <section aria-label="Waits for you">
          <h2>Waits for you</h2>
          <Questions approvals={mine} />
        </section>
      )}
      <section aria-label="Environments">
        <Shown of={clusters}>
          {(all) => (
            <div class="environments">
              {all.map((each) => (
                <Environment key={each.environment} cluster={each} />
              ))}
            </div>
          )}
        </Shown>
      </section>
      <section aria-label="What moves">
        <h2>{moving.length > 0 ? 'What moves' : 'Nothing moves'}</h2>
        {moving.length > 0 && <DeploymentRows deployments={moving} />}
      </section>
      <section aria-label="Recent deployments">
        <h2>Recent</h2>
        <Shown of={deployments}>
          {({ items }) => {
            const ended = items.filter(({ status }) => isEnd(status)).slice(0, 6)
            return ended.length > 0 ? (
              <DeploymentRows deployments={ended} />
            ) : (
              <Empty title="No deployment has ended yet.">
                <p>Register a version, then bring it to Development first.</p>
              </Empty>
            )
          }}
        </Shown>
      </section>
      {asksForLine && (
        <Confirm
          title={isStopped ? 'Let the line run?' : 'Stop the line?'}
          verb={isStopped ? 'Let it run' : 'Stop'}
          isDangerous={!isStopped}
          reasonRequired
          onSay={async (reason) => {
            await client.line[isStopped ? 'resume' : 'stop']({ reason })
            line.again()
          }}
          onClose={() => setAsked(false)}
        >
          <p>
            {isStopped
              ? 'What was held up goes on where it stood.'
              : 'Nothing new begins, and what runs pauses after its wave, in every environment. Rollbacks pass.'}
          </p>
        </Confirm>
      )}
    </Screen>
  )
}

function Environment({ cluster }: { cluster: ClusterSummary }) {
  return (
    <article class="environment">
      <header>
        <h3>
          <Link href={`/environments/${cluster.environment}`}>{cluster.environment}</Link>
        </h3>
        <Status word={cluster.health} />
      </header>
      {cluster.modules.length === 0 && <p class="faint">Nothing runs here yet.</p>}
      <ul class="plain">
        {cluster.modules.map((each) => (
          <li key={each.moduleName} class="runs">
            <Link href={`/modules/${each.moduleName}`}>{each.moduleName}</Link>
            <span class="versions">
              <span class="version">{each.currentVersion ?? 'nothing'}</span>
              {each.executionId !== null && each.changingToVersion !== null && (
                <Link class="changing" href={`/deployments/${each.executionId}`}>
                  <span aria-hidden="true">→</span>
                  <span class="unseen"> is changing to </span> {each.changingToVersion}
                </Link>
              )}
            </span>
            {each.driftedNodes.length > 0 && each.executionId === null && (
              <span class="drift">{count(each.driftedNodes.length, 'node')} drifted</span>
            )}
          </li>
        ))}
      </ul>
      <footer class="faint">
        {cluster.healthyNodes} of {count(cluster.totalNodes, 'node')} healthy
        {cluster.silentNodes > 0 && `, ${cluster.silentNodes} silent`}
      </footer>
    </article>
  )
}
