import type { Command } from './command.ts'
import { APPROVAL_COMMANDS } from './commands/approvals.ts'
import { AUDIT_COMMANDS } from './commands/audit.ts'
import { CLUSTER_COMMANDS } from './commands/clusters.ts'
import { DEPLOYMENT_COMMANDS } from './commands/deployments.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { LINE_COMMANDS } from './commands/line.ts'
import { MODULE_COMMANDS } from './commands/modules.ts'
import { PLAN_COMMANDS } from './commands/plans.ts'
import { POLICY_COMMANDS } from './commands/policies.ts'
import { SESSION_COMMANDS } from './commands/session.ts'
import { SIGNAL_COMMANDS } from './commands/signals.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...SESSION_COMMANDS,
  ...PLAN_COMMANDS,
  ...DEPLOYMENT_COMMANDS,
  ...SIGNAL_COMMANDS,
  ...APPROVAL_COMMANDS,
  ...LINE_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...MODULE_COMMANDS,
  ...KEY_COMMANDS,
  ...POLICY_COMMANDS,
  ...AUDIT_COMMANDS,
]
