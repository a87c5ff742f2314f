/** How something is, told by colour, sign and word together, so that none of them is needed alone. */
export type Tone = 'idle' | 'moving' | 'went' | 'good' | 'wait' | 'bad' | 'gone'

const TONES: Readonly<Record<string, Tone>> = {
  // deployments
  Pending: 'idle',
  PendingApproval: 'wait',
  Queued: 'wait',
  Running: 'moving',
  Paused: 'wait',
  RollingBack: 'bad',
  Completed: 'good',
  RolledBack: 'bad',
  RollbackFailed: 'bad',
  Failed: 'bad',
  Rejected: 'bad',
  Expired: 'bad',
  Cancelled: 'gone',
  Superseded: 'gone',
  // environments on the way
  Skipped: 'gone',
  AwaitingApproval: 'wait',
  AwaitingTurn: 'wait',
  Frozen: 'wait',
  Refused: 'bad',
  Deploying: 'moving',
  Baking: 'moving',
  Promoted: 'good',
  Restoring: 'bad',
  Restored: 'bad',
  RestoreFailed: 'bad',
  // stages, approvals, hooks
  Succeeded: 'good',
  Approved: 'good',
  Withdrawn: 'gone',
  TimedOut: 'bad',
  // verdicts
  promote: 'good',
  hold: 'wait',
  rollback: 'bad',
  // health
  healthy: 'good',
  degraded: 'wait',
  unhealthy: 'bad',
  empty: 'idle',
  Healthy: 'good',
  Unhealthy: 'bad',
  Silent: 'wait',
  // nodes, as operators want them
  Active: 'good',
  Cordoned: 'wait',
  Draining: 'wait',
  Drained: 'gone',
  Removed: 'gone',
  // versions
  Registered: 'idle',
  Quarantined: 'bad',
  // audit
  allowed: 'good',
  refused: 'bad',
}

/** The tone of a word of the API; what is not known here is told without one. */
export function toneOf(word: string): Tone {
  return TONES[word] ?? 'idle'
}

const TEXTS: Readonly<Record<string, string>> = {
  PendingApproval: 'Waits for approval',
  AwaitingApproval: 'Waits for approval',
  AwaitingTurn: 'Waits for its turn',
  RollingBack: 'Rolling back',
  RolledBack: 'Rolled back',
  RollbackFailed: 'Rollback failed',
  RestoreFailed: 'Restore failed',
  TimedOut: 'Timed out',
  SecurityScan: 'Security scan',
  BlueGreen: 'Blue/green',
  healthOnly: 'health only',
  healthy: 'Healthy',
  degraded: 'Degraded',
  unhealthy: 'Unhealthy',
  empty: 'No nodes',
}

/** A word of the API as people read it. */
export function text(word: string): string {
  return TEXTS[word] ?? word
}

/** `1 node`, `3 nodes`. */
export function count(number: number, noun: string, nouns = `${noun}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? noun : nouns}`
}

/** The first characters of a digest, enough to tell two apart. */
export function short(digest: string | null): string {
  return digest === null ? 'nothing' : digest.replace('sha256:', '').slice(0, 8)
}
