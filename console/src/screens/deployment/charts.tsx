import type { Deployment, DeploymentEvent, MetricsPoint, Rollout } from '@hotswap/distributed-kernel-sdk'
import { useAnswer } from '../../live.ts'
import { Chart, type Mark } from '../../parts/chart.tsx'
import { Shown } from '../../parts/said.tsx'
import { FORMATS, type Sample, stepSeconds } from '../../series.ts'
import { client } from '../../session.tsx'
import { text, toneOf } from '../../words.ts'

const BEFORE_MS = 60_000
const AFTER_MS = 20_000
const LIVE_MS = 4_000

const CHARTS = [
  { title: 'Errors', field: 'errorRateBp', format: FORMATS.share, least: 500 },
  { title: 'Latency (p95)', field: 'latencyP95Us', format: FORMATS.duration, least: 5_000 },
  { title: 'CPU', field: 'cpuBp', format: FORMATS.share, least: 1_000 },
  { title: 'Memory', field: 'memoryBytes', format: FORMATS.bytes, least: 1_000_000 },
] as const

/** What the nodes of an environment measured while it changed: the new version against the old, over the same time. */
export function Charts({
  deployment,
  rollout,
  events,
}: {
  deployment: Deployment
  rollout: Rollout
  events: readonly DeploymentEvent[]
}) {
  const begins = rollout.startedAt === null ? undefined : Date.parse(rollout.startedAt) - BEFORE_MS
  const ended = rollout.endedAt === null ? undefined : Date.parse(rollout.endedAt) + AFTER_MS
  const isOver = ended !== undefined && ended < Date.now()
  const { digest, moduleName } = deployment
  const measured = useAnswer(
    async (signal) => {
      if (begins === undefined || digest === null) return undefined
      const to = ended === undefined ? Date.now() : Math.min(ended, Date.now())
      const step = stepSeconds(to - begins)
      const asked = {
        from: new Date(begins).toISOString(),
        to: new Date(to).toISOString(),
        interval: `${step}s`,
        module: moduleName,
      }
      const ask = (of: string) => client.clusters.getMetrics(rollout.environment, { ...asked, digest: of }, { signal })
      const [canary, control] = await Promise.all([
        ask(digest),
        rollout.fromDigest === null || rollout.fromDigest === digest ? undefined : ask(rollout.fromDigest),
      ])
      return { canary: canary.points, control: control?.points ?? [], from: begins, to, stepMs: step * 1000 }
    },
    [deployment.executionId, rollout.environment, digest, begins, isOver],
    isOver ? 0 : LIVE_MS,
  )
  if (begins === undefined) return null
  const marks = verdictsOf(events, rollout.environment)
  return (
    <section aria-label="Measurements">
      <div class="title-line">
        <h2>New against old</h2>
        <p class="legend">
          <span class="key canary">{deployment.version}</span>
          <span class="key control">{rollout.fromVersion ?? 'nothing before'}</span>
        </p>
      </div>
      <Shown of={measured}>
        {(found) =>
          found === undefined ? null : found.canary.length + found.control.length === 0 ? (
            <p class="faint">
              Nothing was measured: no requests came, or it is longer ago than the seven days measurements are kept.
            </p>
          ) : (
            <div class="charts">
              {CHARTS.map(({ title, field, format, least }, index) => (
                <Chart
                  key={field}
                  title={title}
                  isFirst={index === 0}
                  format={format}
                  least={least}
                  canary={samples(found.canary, field)}
                  control={samples(found.control, field)}
                  from={found.from}
                  to={found.to}
                  stepMs={found.stepMs}
                  marks={marks.filter(({ at }) => at >= found.from && at <= found.to)}
                />
              ))}
            </div>
          )
        }
      </Shown>
    </section>
  )
}

type Field = (typeof CHARTS)[number]['field']

function samples(points: readonly MetricsPoint[], field: Field): readonly Sample[] {
  return points.map((point) => ({ at: Date.parse(point.at), value: point[field] }))
}

function verdictsOf(events: readonly DeploymentEvent[], environment: string): readonly Mark[] {
  return events.flatMap((event) =>
    event.type === 'VerdictReached' && event.environment === environment
      ? [
          {
            at: Date.parse(event.at),
            tone: toneOf(event.detail.decision),
            title: `Wave ${(event.wave ?? 0) + 1}: ${text(event.detail.decision)}`,
            sentence: event.detail.sentence,
          },
        ]
      : [],
  )
}
