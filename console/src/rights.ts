import type { Environment, User } from '@hotswap/distributed-kernel-sdk'
import { ENVIRONMENTS } from './environments.ts'

/**
 * What buttons to show. The API decides for itself (`chalicelib/domain/access.py`); this only spares people
 * buttons that would be refused.
 */
function has(user: User, ...roles: readonly User['roles'][number][]): boolean {
  return user.roles.some((role) => roles.includes(role))
}

function everywhere(user: User, environments: readonly Environment[]): boolean {
  return environments.every((each) => user.environments.includes(each))
}

export function mayDeploy(user: User): boolean {
  return has(user, 'Deployer', 'Admin')
}

export function mayControl(user: User, target: Environment): boolean {
  return has(user, 'Deployer', 'Admin') && everywhere(user, [target])
}

/** Whether somebody may answer a question: never whoever asked, and others the policy excludes. */
export function mayDecide(
  user: User,
  question: { readonly mayNotDecide: readonly string[]; readonly targetEnvironment: Environment },
): boolean {
  const isExcluded = question.mayNotDecide.includes(user.username)
  return has(user, 'Approver', 'Admin') && !isExcluded && everywhere(user, [question.targetEnvironment])
}

/** Stopping everything at once, and letting it go on. */
export function mayStopLine(user: User): boolean {
  return has(user, 'Approver', 'Admin') && everywhere(user, ENVIRONMENTS)
}

export function mayManageNodes(user: User, environment: Environment): boolean {
  return has(user, 'Admin') && everywhere(user, [environment])
}

export function mayManageKeys(user: User): boolean {
  return has(user, 'Admin') && everywhere(user, ENVIRONMENTS)
}

export function mayReadAudit(user: User): boolean {
  return has(user, 'Admin')
}
