import type { Cluster, Deployment, DeploymentEvent, Environment, Metrics, MetricsPoint, Rollout } from '../../types.ts'

/** How a node of a rollout is. */
export type NodeState = 'waiting' | 'changing' | 'changed' | 'failed' | 'restored'

/** What one side of a comparison measured. */
export interface Side {
  readonly nodes: number
  readonly requests: number
  readonly errors: number
  readonly p95Us: number | null
  readonly cpuBp: number | null
}

/** Everything a watcher knows of a deployment: what it was told last, and what the events said since the beginning. */
export class Scene {
  readonly executionId: string
  deployment: Deployment | undefined
  /** When the deployment was last read, by this machine's clock. */
  seenAt = 0
  readonly clusters = new Map<Environment, Cluster>()
  readonly sides = new Map<Environment, { canary: Side; control: Side }>()
  readonly #waves = new Map<string, readonly string[]>()
  readonly #failed = new Map<Environment, Set<string>>()
  readonly #restored = new Map<Environment, Set<string>>()
  lastEvent: DeploymentEvent | undefined

  constructor(executionId: string) {
    this.executionId = executionId
  }

  /** Takes in what happened. */
  apply(event: DeploymentEvent): void {
    this.lastEvent = event
    const { environment } = event
    if (environment === null) return
    if (event.type === 'WaveStarted') this.#waves.set(`${environment}/${event.wave}`, event.detail.nodes)
    if (event.type === 'NodeFailed') added(this.#failed, environment, event.detail.nodes)
    if (event.type === 'RestoreEnded') added(this.#restored, environment, event.detail.restored)
  }

  /** The environment that is being changed, or was last. */
  current(): Rollout | undefined {
    const rollouts = this.deployment?.environments ?? []
    return (
      rollouts.find(({ startedAt, endedAt }) => startedAt !== null && endedAt === null) ??
      [...rollouts].reverse().find(({ waves }) => waves.length > 0)
    )
  }

  /** The nodes of a wave and how each is; empty before it has started. */
  nodesOf(environment: Environment, wave: number): { name: string; state: NodeState }[] {
    const names = this.#waves.get(`${environment}/${wave}`) ?? []
    return names.map((name) => ({ name, state: this.#stateOf(environment, name) }))
  }

  #stateOf(environment: Environment, name: string): NodeState {
    if (this.#failed.get(environment)?.has(name)) return 'failed'
    if (this.#restored.get(environment)?.has(name)) return 'restored'
    const rollout = this.deployment?.environments.find((each) => each.environment === environment)
    if (rollout?.endedAt !== null && rollout?.endedAt !== undefined && rollout.restore === null) return 'changed'
    const node = this.clusters.get(environment)?.nodes.find((each) => each.name === name)
    const module = node?.modules.find(({ moduleName }) => moduleName === this.deployment?.moduleName)
    const digest = this.deployment?.digest
    return module !== undefined && digest && (module.active === digest || module.staged.includes(digest))
      ? 'changed'
      : 'changing'
  }
}

/** The sum of what was measured over some buckets of time; the quantile is that of the fullest one. */
export function sideOf(metrics: Metrics): Side {
  const measured = metrics.points.filter(({ requests, cpuBp }) => requests > 0 || cpuBp !== null)
  const fullest = measured.reduce<MetricsPoint | undefined>(
    (best, each) => (each.requests >= (best?.requests ?? 0) ? each : best),
    undefined,
  )
  return {
    nodes: Math.max(0, ...measured.map(({ nodes }) => nodes)),
    requests: measured.reduce((sum, { requests }) => sum + requests, 0),
    errors: measured.reduce((sum, { errors }) => sum + errors, 0),
    p95Us: fullest?.latencyP95Us ?? null,
    cpuBp: fullest?.cpuBp ?? null,
  }
}

function added(all: Map<Environment, Set<string>>, environment: Environment, names: readonly string[]): void {
  const known = all.get(environment) ?? new Set()
  for (const name of names) known.add(name)
  all.set(environment, known)
}
