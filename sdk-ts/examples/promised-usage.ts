import { OrchestrationClient } from '../src/index.ts'

/** What was promised to compile and run unchanged: the tests run it on a fake, the live tests on the stack. */
export async function promised(
  options: ConstructorParameters<typeof OrchestrationClient>[0],
  { moduleName, version, requesterEmail }: { moduleName: string; version: string; requesterEmail: string },
) {
  const client = new OrchestrationClient(options)
  await client.authenticate()
  const { executionId } = await client.deployments.create({
    moduleName,
    version,
    targetEnvironment: 'Production',
    requesterEmail,
  })
  const status = await client.deployments.waitForCompletion(executionId)
  const told = status.status === 'Completed' ? 'done' : `not done: ${status.error?.message}`
  const health = (await client.clusters.getMetrics('Production')).health
  return { told, health }
}
