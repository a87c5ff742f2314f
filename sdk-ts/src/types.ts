import type { components } from './generated/api.ts'
import type { components as eventComponents } from './generated/events.ts'

type Schemas = components['schemas']
type Details = eventComponents['schemas']

export type Environment = Schemas['Environment']
export type Strategy = Schemas['Strategy']
export type DeploymentStatus = Schemas['Status']
export type Role = Schemas['Role']

export type CreateDeployment = Schemas['CreateDeployment']
export type DeploymentAccepted = Schemas['DeploymentAccepted']
export type Deployment = Schemas['DeploymentBody']
export type DeploymentSummary = Schemas['DeploymentSummary']
export type Rollout = Schemas['RolloutBody']
export type Wave = Schemas['WaveBody']
export type Stage = Schemas['StageBody']
export type Verdict = Schemas['WaveVerdictBody']
export type Finding = Schemas['FindingBody']

export type Approval = Schemas['ApprovalBody']
/** An approval with everything to decide it by: plan and evidence. */
export type Question = Schemas['QuestionBody']
export type Cluster = Schemas['ClusterBody']
export type ClusterSummary = Schemas['ClusterSummary']
export type Metrics = Schemas['MetricsBody']
export type MetricsPoint = Schemas['PointBody']
export type Policy = Schemas['PolicyBody']
export type PolicyChange = Schemas['PutPolicy']
export type Node = Schemas['NodeBody']
export type ModuleVersion = Schemas['VersionBody']
export type SigningKey = Schemas['SigningKeyBody']
export type AuditRecord = Schemas['RecordBody']
export type AuditChain = Schemas['ChainBody']
export type User = Schemas['UserBody']
export type Tokens = Schemas['TokensBody']
export type Health = Schemas['HealthBody']
export type Account = Schemas['AccountBody']
export type Issuer = Schemas['IssuerBody']
export type LineState = Schemas['LineBody']
export type StageHooks = Schemas['HooksBody']
export type HookTarget = Schemas['HookTargetBody']
export type Webhook = Schemas['WebhookBody']
export type Delivery = Schemas['DeliveryBody']
export type Configuration = Schemas['ConfigurationBody']
export type Delegation = Schemas['DelegationBody']
export type Quarantine = Schemas['QuarantineBody']
export type Freeze = Schemas['FreezeBody-Input']
export type Plan = Schemas['PlanBody']
export type Seal = Schemas['SealBody']
export type Problem = Schemas['Problem']

/** What happened, and the name of its details. */
export type EventType = keyof Details

/** One entry of a deployment's timeline; `type` tells what is in `detail`. `seq` counts from 1 without gaps. */
export type DeploymentEvent = {
  [T in EventType]: Omit<Schemas['EventBody'], 'type' | 'detail'> & { type: T; detail: Details[T] }
}[EventType]

/** The statuses a deployment stays in. */
export const END_STATUSES = [
  'Completed',
  'RolledBack',
  'RollbackFailed',
  'Failed',
  'Rejected',
  'Expired',
  'Cancelled',
  'Superseded',
] as const satisfies readonly DeploymentStatus[]

/** A status nothing follows. */
export type EndStatus = (typeof END_STATUSES)[number]

/** Whether a deployment in this status has ended. */
export function isEnd(status: string): status is EndStatus {
  return (END_STATUSES as readonly string[]).includes(status)
}
