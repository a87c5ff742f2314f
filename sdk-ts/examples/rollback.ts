// Undoes the newest deployment that completed in an environment, by a new deployment.
//   node examples/rollback.ts payment-processor Production
import { ConflictError, OrchestrationClient } from '@hotswap/distributed-kernel-sdk'

const {
  HOTSWAP_URL: baseUrl = 'http://127.0.0.1:8000',
  HOTSWAP_USERNAME: username = '',
  HOTSWAP_PASSWORD: password = '',
} = process.env
const [module = 'payment-processor', environment = 'Production'] = process.argv.slice(2)
const client = new OrchestrationClient({ baseUrl, credentials: { username, password } })

const query = { module, environment: environment as 'Production', status: 'Completed', limit: 1 } as const
const [newest] = await client.deployments.list(query).all(1)
if (newest === undefined) throw new Error(`Nothing of ${module} completed in ${environment}.`)

try {
  const undoing = await client.deployments.rollback(newest.executionId, { reason: 'Support is flooded' })
  const { status } = await client.deployments.waitForCompletion(undoing.executionId, 1_000)
  console.log(`${newest.version} is taken back: ${status}`)
} catch (error) {
  if (!(error instanceof ConflictError)) throw error
  console.error(`It cannot be undone: ${error.detail}`)
  process.exitCode = 1
}
