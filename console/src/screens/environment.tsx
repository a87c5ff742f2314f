import type { Cluster, Environment, Policy } from '@hotswap/distributed-kernel-sdk'
import { Link, useParams } from 'wouter-preact'
import { useAnswer, useNow } from '../live.ts'
import { Chart } from '../parts/chart.tsx'
import { Empty, Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Status } from '../parts/status.tsx'
import { FORMATS } from '../series.ts'
import { client } from '../session.tsx'
import { lasting } from '../time.ts'
import { count, short, text } from '../words.ts'

const HOUR_MS = 3_600_000

/** One environment: what it runs, how its nodes are, what they measured, and by which policy it is changed. */
export function EnvironmentScreen() {
  const environment = (useParams()['environment'] ?? '') as Environment
  const cluster = useAnswer(() => client.clusters.get(environment), [environment], 3_000)
  const policy = useAnswer(() => client.clusters.getPolicy(environment), [environment])
  return (
    <Screen title={environment} above={<Link href="/">Overview</Link>}>
      <Shown of={cluster}>
        {(found) => (
          <>
            <p class="lead">
              <Status word={found.health} />
              <span>
                {found.healthyNodes} of {count(found.totalNodes, 'node')} healthy
                {found.silentNodes > 0 && `, ${found.silentNodes} silent`}
              </span>
            </p>
            <Runs cluster={found} />
            <Nodes cluster={found} />
          </>
        )}
      </Shown>
      <Measured environment={environment} />
      <section aria-label="Policy">
        <h2>Policy</h2>
        <Shown of={policy}>{(found) => <PolicyFacts policy={found} />}</Shown>
      </section>
    </Screen>
  )
}

function Runs({ cluster }: { cluster: Cluster }) {
  return (
    <section aria-label="What runs here">
      <h2>What runs here</h2>
      {cluster.modules.length === 0 && (
        <Empty title="Nothing runs here yet.">
          <p>
            <Link href={`/deployments/new?to=${cluster.environment}`}>Bring a version here</Link>
          </p>
        </Empty>
      )}
      <ul class="rows">
        {cluster.modules.map((each) => (
          <li key={each.moduleName} class="row">
            <span class="row-main">
              <Link href={`/modules/${each.moduleName}`} class="name">
                {each.moduleName}
              </Link>{' '}
              <span class="version">{each.currentVersion ?? 'nothing'}</span>
            </span>
            <span class="row-where mono">{short(each.currentDigest)}</span>
            {each.executionId !== null ? (
              <Link href={`/deployments/${each.executionId}`}>changing to {each.changingToVersion ?? 'nothing'}</Link>
            ) : (
              <span />
            )}
            <span class="row-who">
              {each.driftedNodes.length > 0 ? (
                <Status word="degraded" say={`${count(each.driftedNodes.length, 'node')} drifted`} />
              ) : (
                <span class="faint">no drift</span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Nodes({ cluster }: { cluster: Cluster }) {
  const now = useNow(2_000)
  const versions = new Map<string | null, string>(
    cluster.modules.flatMap((each) => [
      [each.currentDigest, each.currentVersion ?? ''],
      [each.changingToDigest, each.changingToVersion ?? ''],
    ]),
  )
  return (
    <section aria-label="Nodes">
      <h2>Nodes</h2>
      {cluster.nodes.length === 0 && (
        <Empty title="No node has enrolled here.">
          <p>An administrator makes a token for one; docs/nodes.md says how a node is started with it.</p>
        </Empty>
      )}
      <ul class="rows">
        {cluster.nodes.map((node) => (
          <li key={node.nodeId}>
            <Link href={`/nodes/${node.nodeId}`} class="row">
              <span class="row-main name">{node.name}</span>
              <Status word={node.state} />
              <span class="version">
                {node.modules.map((each) => versions.get(each.active) || short(each.active)).join(', ') || 'nothing'}
                {node.status !== 'Active' && <span class="tag">{node.status.toLowerCase()}</span>}
              </span>
              <span class="row-who faint">
                heard <When at={node.lastHeartbeatAt} now={now} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}

const CHARTS = [
  { title: 'Requests a minute', field: 'requests', format: FORMATS.number, least: 10 },
  { title: 'Errors', field: 'errorRateBp', format: FORMATS.share, least: 500 },
  { title: 'Latency (p95)', field: 'latencyP95Us', format: FORMATS.duration, least: 5_000 },
] as const

function Measured({ environment }: { environment: Environment }) {
  const measured = useAnswer(() => client.clusters.getMetrics(environment, { interval: '1m' }), [environment], 15_000)
  return (
    <section aria-label="The last hour">
      <h2>The last hour</h2>
      <Shown of={measured}>
        {({ points, to }) =>
          points.length === 0 ? (
            <p class="faint">Nothing was measured: no requests came.</p>
          ) : (
            <div class="charts three">
              {CHARTS.map(({ title, field, format, least }) => (
                <Chart
                  key={field}
                  title={title}
                  format={format}
                  least={least}
                  canary={points.map((point) => ({ at: Date.parse(point.at), value: point[field] }))}
                  from={Date.parse(to) - HOUR_MS}
                  to={Date.parse(to)}
                  stepMs={60_000}
                />
              ))}
            </div>
          )
        }
      </Shown>
    </section>
  )
}

function PolicyFacts({ policy }: { policy: Policy }) {
  const now = useNow(30_000)
  const strategy = policy.strategy as { kind: string; bakeSeconds: number; steps?: readonly { percent?: number }[] }
  const analysis = policy.analysis as { mode: string; minRequests: number }
  const approval = policy.approval as { required: boolean; approvers?: number }
  const steps = (strategy.steps ?? []).flatMap(({ percent }) => (percent === undefined ? [] : [`${percent} %`]))
  return (
    <dl class="facts sheet padded">
      <dt>Strategy</dt>
      <dd>
        {text(strategy.kind)}
        {strategy.kind === 'Canary' && steps.length > 0 && `: ${steps.join(', ')}`}, bakes{' '}
        {lasting(strategy.bakeSeconds * 1000)}
      </dd>
      <dt>Judge</dt>
      <dd>
        {analysis.mode === 'healthOnly'
          ? 'looks at health only'
          : `needs ${count(analysis.minRequests, 'request')} to decide`}
      </dd>
      <dt>Approval</dt>
      <dd>
        {approval.required ? `${count(approval.approvers ?? 1, 'person', 'people')}, never who asked` : 'not asked for'}
      </dd>
      <dt>Freezes</dt>
      <dd>{policy.freezes.length === 0 ? 'none' : policy.freezes.map((each) => String(each['name'])).join(', ')}</dd>
      <dt>Revision</dt>
      <dd>
        {policy.revision}
        {policy.changedAt !== null && (
          <>
            , by {policy.changedBy} <When at={policy.changedAt} now={now} />
          </>
        )}
      </dd>
    </dl>
  )
}
