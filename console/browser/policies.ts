import type { Environment, OrchestrationClient, Policy } from '../../sdk-ts/src/index.ts'

/** A canary of seconds: one node against one, then both. */
export const QUICK_CANARY = {
  strategy: {
    kind: 'Canary',
    bakeSeconds: 2,
    steps: [
      { percent: 50, bakeSeconds: 5 },
      { percent: 100, bakeSeconds: 1 },
    ],
  },
  // One node against one: enough for a version that fails four requests of ten, and blind for what load does here.
  analysis: {
    mode: 'required',
    minRequests: 25,
    minBaselineRequests: 25,
    latencyQuantileBp: 8_000,
    levelWindowMs: 1_000,
    levelWindows: 2,
    warmUpMs: 500,
    latencyFloorUs: 2_000_000,
    cpuFloorBp: 20_000,
    memoryFloorBytes: 200_000_000,
  },
  hold: { stepSeconds: 1 },
  idleHeartbeatMs: 1_000,
}

/** Lays changes over the policy in force, objects within objects too. */
export async function change(
  admin: OrchestrationClient,
  environment: Environment,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  await put(admin, merged(await admin.clusters.getPolicy(environment), changes) as unknown as Policy)
}

/** Puts a policy in force as it once was. */
export async function put(admin: OrchestrationClient, policy: Policy): Promise<void> {
  const { environment, revision: _revision, changedBy: _by, changedAt: _at, ...rest } = policy
  await admin.clusters.putPolicy(environment, rest as never)
}

function merged(current: object, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = { ...current }
  for (const [name, value] of Object.entries(changes)) {
    const known = result[name]
    result[name] = isObject(value) && isObject(known) ? merged(known, value) : value
  }
  return result
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
