import type { Approval, Cluster, Deployment, DeploymentEvent, Node, Rollout, Wave } from '../../src/types.ts'

export const ID = '01K0000000000000000000000A'
export const AT = '2026-11-21T12:00:00.000Z'
const NEW = `sha256:${'b'.repeat(64)}`
const OLD = `sha256:${'a'.repeat(64)}`

export function wave(over: Partial<Wave> = {}): Wave {
  return {
    number: 0,
    kind: 'deploy',
    nodes: 2,
    first: 0,
    upto: 2,
    bakeSeconds: 10,
    bakeRequests: 0,
    zone: null,
    status: 'Pending',
    attempt: 0,
    failedNodes: 0,
    holds: 0,
    startedAt: null,
    deployedAt: null,
    endedAt: null,
    decision: null,
    comparedWith: null,
    sentence: null,
    ...over,
  }
}

export function rollout(over: Partial<Rollout> = {}): Rollout {
  return {
    environment: 'Production',
    phase: 'Pending',
    strategy: 'Canary',
    policyRevision: 1,
    fromDigest: OLD,
    fromVersion: '1.0.0',
    planHash: null,
    approvalId: null,
    fleet: 4,
    touchedNodes: 0,
    wave: null,
    startedAt: null,
    endedAt: null,
    bakeUntil: null,
    pauseUntil: null,
    message: '',
    restore: null,
    waves: [],
    ...over,
  } as Rollout
}

export function deployment(over: Partial<Deployment> = {}): Deployment {
  return {
    executionId: ID,
    kind: 'deploy',
    moduleName: 'payment-processor',
    version: '2.0.0',
    targetEnvironment: 'Production',
    status: 'Running',
    requestedBy: 'dana',
    startTime: AT,
    updatedAt: AT,
    endTime: null,
    error: null,
    links: { self: '', events: '' },
    digest: NEW,
    requesterEmail: '',
    requireApproval: false,
    description: '',
    metadata: {},
    undoes: null,
    hotfixReason: null,
    supersededBy: null,
    cancelRequestedBy: null,
    stages: [],
    environments: [],
    ...over,
  } as Deployment
}

export function event(seq: number, type: string, detail: object, wave: number | null = null): DeploymentEvent {
  const environment = wave === null && !['EnvironmentSkipped', 'PlanMade'].includes(type) ? null : 'Production'
  return { seq, type, at: AT, status: 'Running', environment, wave, detail } as unknown as DeploymentEvent
}

export function node(name: string, isNew = false): Node {
  return {
    nodeId: `p-${name}`,
    environment: 'Production',
    name,
    state: 'Healthy',
    status: 'Active',
    lastHeartbeatAt: AT,
    modules: [{ moduleName: 'payment-processor', active: isNew ? NEW : OLD, staged: [], fence: 1, healthy: true }],
  } as unknown as Node
}

export function cluster(nodes: readonly Node[] = []): Cluster {
  return {
    environment: 'Production',
    health: 'degraded',
    totalNodes: nodes.length,
    healthyNodes: nodes.length,
    modules: [
      {
        moduleName: 'payment-processor',
        currentVersion: '1.0.0',
        changingToVersion: '2.0.0',
        executionId: ID,
        driftedNodes: ['production-09'],
      },
    ],
    nodes,
  } as unknown as Cluster
}

export function approval(over: Partial<Approval> = {}): Approval {
  return {
    approvalId: 'apr-1',
    executionId: ID,
    targetEnvironment: 'Production',
    moduleName: 'payment-processor',
    version: '2.0.0',
    fromVersion: null,
    requestedBy: 'dana',
    remainingSeconds: 7200,
    approversNeeded: 2,
    status: 'Pending',
    decisions: [],
    ...over,
  } as unknown as Approval
}

export const signingKey = {
  keyId: 'ed25519:1',
  publicKey: 'AAAA',
  owner: 'ci',
  addedBy: 'ada',
  addedAt: AT,
  revokedAt: null,
  validFrom: null,
  validUntil: null,
  environments: [],
}
