import { MODULE } from './card-checker.ts'
import { clientOf } from './here.ts'

/** Every screen, with something on it. */
export async function screens(deployment: string): Promise<readonly string[]> {
  const [node] = await clientOf('vic').nodes.list('Development').all()
  const { items } = await clientOf('vic').deployments.list({ module: MODULE, environment: 'QA' })
  return [
    '/',
    '/deployments',
    `/deployments/${deployment}`,
    `/deployments/new?module=${MODULE}&version=1.0.0&to=Production&older=yes`,
    '/approvals',
    `/approvals/${items[0]?.executionId}`,
    '/environments/Development',
    `/nodes/${node?.nodeId}`,
    '/modules',
    `/modules/${MODULE}`,
    '/audit',
    '/account',
  ]
}
