import type { EndStatus } from '../types.ts'

/** What the process ends with. */
export const EXIT = {
  completed: 0,
  failed: 1,
  rolledBack: 2,
  refused: 3,
  called: 4,
  usage: 64,
  interrupted: 130,
} as const

/** What each code means, for the help. */
export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [EXIT.completed, 'done; the deployment completed'],
  [EXIT.failed, 'the deployment failed (or could not be rolled back), or the command could not do it'],
  [EXIT.rolledBack, 'the deployment was rolled back'],
  [EXIT.refused, 'the deployment was rejected, or its approval expired'],
  [EXIT.called, 'the deployment was cancelled or superseded'],
  [EXIT.usage, 'the command was not understood'],
  [EXIT.interrupted, 'interrupted with Ctrl-C; a deployment goes on without its watcher'],
]

const BY_STATUS: Readonly<Record<EndStatus, number>> = {
  Completed: EXIT.completed,
  RolledBack: EXIT.rolledBack,
  Failed: EXIT.failed,
  RollbackFailed: EXIT.failed,
  Rejected: EXIT.refused,
  Expired: EXIT.refused,
  Cancelled: EXIT.called,
  Superseded: EXIT.called,
}

/** The code of a deployment that ended like this. */
export function exitCodeOf(status: EndStatus): number {
  return BY_STATUS[status]
}

/** The command line cannot be understood; the message says what would be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
