import type { Command } from './command.ts'
import { APPROVAL_COMMANDS } from './commands/approvals.ts'
import { AUDIT_COMMANDS } from './commands/audit.ts'
import { CLUSTER_COMMANDS } from './commands/clusters.ts'
import { CONFIGURATION_COMMANDS } from './commands/configurations.ts'
import { DELEGATION_COMMANDS } from './commands/delegations.ts'
import { DEPLOYMENT_COMMANDS } from './commands/deployments.ts'
import { FREEZE_COMMANDS } from './commands/freezes.ts'
import { HOOK_COMMANDS } from './commands/hooks.ts'
import { ISSUER_COMMANDS } from './commands/issuers.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { LINE_COMMANDS } from './commands/line.ts'
import { MODULE_COMMANDS } from './commands/modules.ts'
import { PLAN_COMMANDS } from './commands/plans.ts'
import { POLICY_COMMANDS } from './commands/policies.ts'
import { QUARANTINE_COMMANDS } from './commands/quarantine.ts'
import { SESSION_COMMANDS } from './commands/session.ts'
import { SIGNAL_COMMANDS } from './commands/signals.ts'
import { USER_COMMANDS } from './commands/users.ts'
import { WEBHOOK_COMMANDS } from './commands/webhooks.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...SESSION_COMMANDS,
  ...PLAN_COMMANDS,
  ...DEPLOYMENT_COMMANDS,
  ...SIGNAL_COMMANDS,
  ...APPROVAL_COMMANDS,
  ...DELEGATION_COMMANDS,
  ...LINE_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...MODULE_COMMANDS,
  ...KEY_COMMANDS,
  ...CONFIGURATION_COMMANDS,
  ...QUARANTINE_COMMANDS,
  ...POLICY_COMMANDS,
  ...FREEZE_COMMANDS,
  ...HOOK_COMMANDS,
  ...WEBHOOK_COMMANDS,
  ...USER_COMMANDS,
  ...ISSUER_COMMANDS,
  ...AUDIT_COMMANDS,
]
