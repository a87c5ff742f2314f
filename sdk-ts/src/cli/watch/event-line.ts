import type { DeploymentEvent } from '../../types.ts'
import { type Paint, plain } from '../paint.ts'
import { clock, coloured, count } from '../text.ts'

const MOST_NAMES = 12

/** One line that tells what happened, for a log. */
export function eventLine(event: DeploymentEvent, paint: Paint): string {
  const where =
    event.environment === null
      ? ''
      : event.wave === null
        ? event.environment
        : `${event.environment} wave ${event.wave + 1}`
  return `${paint('dim', clock(event.at))}  ${where.padEnd(18)} ${told(event, paint)}`
}

function told(event: DeploymentEvent, paint: Paint): string {
  const by = (said: { by?: string; reason?: string; why?: string }) =>
    [
      said.by === undefined ? '' : ` by ${plain(said.by)}`,
      said.reason || said.why ? `: ${plain(said.reason || said.why || '')}` : '',
    ].join('')
  switch (event.type) {
    case 'DeploymentCreated':
      return `${event.detail.kind === 'rollback' ? 'rollback ' : ''}asked for by ${plain(event.detail.requestedBy)}`
    case 'StageEnded':
      return `${event.detail.stage} ${coloured(event.detail.status, paint)}: ${plain(event.detail.message)}`
    case 'EnvironmentSkipped':
      return 'runs this version already: skipped'
    case 'ApprovalRequested':
      return `${paint('yellow', 'waits for approval')} by ${count(event.detail.approversNeeded, 'person').replace('persons', 'people')} until ${event.detail.expiresAt}`
    case 'ApprovalDecided':
      return `${coloured(event.detail.outcome, paint)} by ${plain(event.detail.by)}${event.detail.reason ? `: ${plain(event.detail.reason)}` : ''}`
    case 'TurnQueued':
      return `queued at position ${event.detail.position} behind ${event.detail.holder}`
    case 'TurnGranted':
      return 'has its turn'
    case 'PlanMade':
      return `plan: ${event.detail.strategy} over ${count(event.detail.fleet, 'node')}: ${event.detail.waves.map(waveText).join(', ')}`
    case 'PlanChanged':
      return 'the plan changed since it was approved; asking again'
    case 'WaveStarted':
      return `${event.detail.kind} ${names(event.detail.nodes)}`
    case 'NodeFailed':
      return `${paint('red', 'failed')}: ${names(event.detail.nodes)}: ${plain(event.detail.reason)}`
    case 'WaveDeployed':
      return `${count(event.detail.nodes, 'node')} answered, ${event.detail.failed} failed; baking until ${clock(event.detail.bakeUntil)}`
    case 'VerdictReached':
      return `${coloured(event.detail.decision, paint)} (${event.detail.comparedWith}): ${plain(event.detail.sentence)}`
    case 'Paused':
      return `${paint('yellow', 'paused')}${by(event.detail)}`
    case 'Resumed':
      return `resumed${by(event.detail)}`
    case 'Promoted':
      return `promoted${by(event.detail)}`
    case 'CancelRequested':
      return `${paint('yellow', 'cancel')}${by(event.detail)}`
    case 'RestoreStarted':
      return `${paint('red', `taking back ${count(event.detail.nodes, 'node')}`)}: ${plain(event.detail.why)}`
    case 'RestoreEnded':
      return `${event.detail.outcome} in ${event.detail.milliseconds} ms: ${names(event.detail.restored)}${event.detail.unverified.length > 0 ? `; not verified: ${names(event.detail.unverified)}` : ''}`
    case 'HookCalled':
      return `asks ${plain(event.detail.target)} for ${event.detail.point}`
    case 'HookEnded':
      return `${event.detail.point} ${coloured(event.detail.status, paint)}: ${plain(event.detail.message)}`
    case 'FreezeMet':
      return `${paint('yellow', 'frozen')} by ${plain(event.detail.name)}${event.detail.until === undefined ? '' : ` until ${event.detail.until}`}`
    case 'FreezeBroken':
      return `${paint('yellow', 'freeze broken')} (${plain(event.detail.name)})${by(event.detail)}`
    case 'FreezeOver':
      return 'the freeze is over'
    case 'PauseRequested':
      return `pause asked for${by(event.detail)}`
    case 'ApprovalCommented':
      return `${plain(event.detail.by)} says: ${plain(event.detail.text)}`
    case 'ApprovalReminder':
      return `still needs ${plain(event.detail.stillNeeded)}, until ${event.detail.expiresAt}`
    case 'DecisionWithdrawn':
      return `agreement withdrawn${by(event.detail)}`
    case 'DigestQuarantined':
      return `${paint('red', 'quarantined')} ${plain(event.detail.version)}: ${plain(event.detail.reason)}`
    case 'EnvironmentEnded':
      return `${event.detail.outcome}`
    case 'ExecutionReplaced':
      return `goes on as ${event.detail.execution}`
    case 'DeploymentEnded':
      return `${coloured(event.detail.status, paint)}${event.detail.error === undefined ? '' : `: ${plain(event.detail.error.message)}`}`
    default:
      // A newer server tells of something this version does not know.
      return plain((event as { type: string }).type)
  }
}

function waveText({ nodes, kind, bakeSeconds }: { nodes: number; kind: string; bakeSeconds: number }): string {
  return `${nodes} ${kind} + ${bakeSeconds} s`
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, MOST_NAMES).map(plain).join(', ')
  return all.length > MOST_NAMES ? `${shown} and ${all.length - MOST_NAMES} more` : shown || 'nobody'
}
