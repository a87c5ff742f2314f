import type { DeploymentEvent } from '@hotswap/distributed-kernel-sdk'
import { clock, day, lasting } from './time.ts'
import { count, type Tone, text, toneOf } from './words.ts'

/** One entry of a timeline as people read it. */
export interface EventText {
  readonly tone: Tone
  readonly what: string
  /** In the words of whoever, or whatever, said it. */
  readonly said?: string | undefined
}

const MOST_NAMES = 8

/** What happened. */
export function eventText(event: DeploymentEvent): EventText {
  switch (event.type) {
    case 'DeploymentCreated':
      return {
        tone: 'went',
        what: `${event.detail.kind === 'rollback' ? 'Rollback' : 'Deployment'} asked for by ${event.detail.requestedBy}`,
        said: event.detail.reason,
      }
    case 'StageEnded':
      return {
        tone: event.detail.status === 'Skipped' ? 'gone' : toneOf(event.detail.status),
        what: `${text(event.detail.stage)} ${text(event.detail.status).toLowerCase()}`,
        said: event.detail.message,
      }
    case 'EnvironmentSkipped':
      return { tone: 'gone', what: 'Runs this version already: skipped' }
    case 'ApprovalRequested':
      return {
        tone: 'wait',
        what: `Waits for ${count(event.detail.approversNeeded, 'person', 'people')} to approve, until ${day(event.detail.expiresAt)}`,
      }
    case 'ApprovalDecided':
      return {
        tone: event.detail.approved ? 'good' : 'bad',
        what: `${event.detail.by} ${event.detail.approved ? 'approved' : 'rejected'}${event.detail.onBehalfOf ? ` for ${event.detail.onBehalfOf}` : ''}`,
        said: event.detail.reason,
      }
    case 'ApprovalCommented':
      return { tone: 'went', what: `${event.detail.by} commented`, said: event.detail.text }
    case 'ApprovalReminder':
      return { tone: 'wait', what: `Reminder ${event.detail.number}: ${event.detail.stillNeeded}` }
    case 'DecisionWithdrawn':
      return { tone: 'wait', what: `${event.detail.by} withdrew their agreement`, said: event.detail.reason }
    case 'TurnQueued':
      return {
        tone: 'wait',
        what:
          event.detail.waitsFor === 'line' ? 'Waits for the line' : `In the queue at position ${event.detail.position}`,
        said: event.detail.why,
      }
    case 'TurnGranted':
      return { tone: 'went', what: 'Has its turn' }
    case 'PlanMade':
      return {
        tone: 'went',
        what: `Planned: ${text(event.detail.strategy)} over ${count(event.detail.fleet, 'node')} in ${count(event.detail.waves.length, 'wave')}`,
      }
    case 'PlanChanged':
      return { tone: 'wait', what: 'The plan is another one than was approved: asked again' }
    case 'FreezeMet':
      return {
        tone: 'wait',
        what: `Frozen by ${event.detail.name}${event.detail.until ? ` until ${day(event.detail.until)}` : ''}`,
      }
    case 'FreezeOver':
      return { tone: 'went', what: 'The freeze is over' }
    case 'FreezeBroken':
      return {
        tone: 'wait',
        what: `${event.detail.by} passed the freeze ${event.detail.name}`,
        said: event.detail.reason,
      }
    case 'WaveStarted':
      return { tone: 'went', what: `${VERBS[event.detail.kind]} ${names(event.detail.nodes)}` }
    case 'NodeFailed':
      return { tone: 'bad', what: `Failed: ${names(event.detail.nodes)}`, said: event.detail.reason }
    case 'WaveDeployed':
      return {
        tone: event.detail.failed > 0 ? 'bad' : 'went',
        what: `${count(event.detail.nodes, 'node')} answered, ${event.detail.failed} failed; bakes until ${clock(event.detail.bakeUntil)}`,
      }
    case 'VerdictReached':
      return {
        tone: toneOf(event.detail.decision),
        what: `Judged: ${event.detail.decision} (${text(event.detail.comparedWith)})`,
        said: event.detail.sentence,
      }
    case 'PauseRequested':
      return { tone: 'wait', what: `${event.detail.by} asked for a pause`, said: event.detail.reason }
    case 'Paused':
      return { tone: 'wait', what: by('Paused', event.detail.by), said: event.detail.reason || event.detail.why }
    case 'Resumed':
      return { tone: 'went', what: by('Resumed', event.detail.by), said: event.detail.reason || event.detail.why }
    case 'Promoted':
      return {
        tone: 'went',
        what: by(event.detail.every ? 'All bakes ended' : 'Bake ended', event.detail.by),
        said: event.detail.reason || event.detail.why,
      }
    case 'CancelRequested':
      return { tone: 'bad', what: by('Cancelled', event.detail.by), said: event.detail.reason || event.detail.why }
    case 'RestoreStarted':
      return { tone: 'bad', what: `Taking back ${count(event.detail.nodes, 'node')}`, said: event.detail.why }
    case 'RestoreEnded':
      return {
        tone: event.detail.outcome === 'Restored' ? 'good' : 'bad',
        what:
          event.detail.unverified.length === 0
            ? `Took back ${names(event.detail.restored)} in ${took(event.detail.milliseconds)}`
            : `Could not bring back ${names(event.detail.unverified)}`,
      }
    case 'DigestQuarantined':
      return { tone: 'bad', what: `${event.detail.version} is in quarantine here`, said: event.detail.reason }
    case 'EnvironmentEnded':
      return { tone: toneOf(event.detail.outcome), what: text(event.detail.outcome) }
    case 'HookCalled':
      return { tone: 'went', what: `Asked ${event.detail.target} for ${event.detail.point}` }
    case 'HookEnded':
      return {
        tone: toneOf(event.detail.status),
        what: `${event.detail.point}: ${text(event.detail.status)}`,
        said: event.detail.message,
      }
    case 'ExecutionReplaced':
      return { tone: 'wait', what: 'Goes on in a new execution' }
    case 'DeploymentEnded':
      return { tone: toneOf(event.detail.status), what: text(event.detail.status), said: event.detail.error?.message }
    default:
      // A newer server tells of something this console does not know.
      return { tone: 'went', what: (event as { type: string }).type }
  }
}

const VERBS = { deploy: 'Changing', stage: 'Starting beside the old version:', switch: 'Switching' } as const

function by(what: string, who: string | undefined): string {
  return who ? `${what} by ${who}` : what
}

function took(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : lasting(ms)
}

function names(all: readonly string[]): string {
  if (all.length === 0) return 'nobody'
  const shown = all.slice(0, MOST_NAMES).join(', ')
  return all.length > MOST_NAMES ? `${shown} and ${all.length - MOST_NAMES} more` : shown
}
