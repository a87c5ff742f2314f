// Brings a version to Production and waits for it.
//   HOTSWAP_URL=… HOTSWAP_USERNAME=… HOTSWAP_PASSWORD=… node examples/basic-usage.ts payment-processor 2.0.0
import { OrchestrationClient } from '@hotswap/distributed-kernel-sdk'

const {
  HOTSWAP_URL: baseUrl = 'http://127.0.0.1:8000',
  HOTSWAP_USERNAME: username = '',
  HOTSWAP_PASSWORD: password = '',
} = process.env
const [moduleName = 'payment-processor', version = '2.0.0'] = process.argv.slice(2)

const client = new OrchestrationClient({ baseUrl, credentials: { username, password } })
await client.authenticate()

const { executionId } = await client.deployments.create({
  moduleName,
  version,
  targetEnvironment: 'Production',
  requesterEmail: 'dev@example.com',
})
console.log(`${executionId} is on its way`)

const status = await client.deployments.waitForCompletion(executionId)
if (status.status === 'Completed') {
  console.log(`${moduleName} ${version} runs in Production`)
} else {
  console.error(`${status.status}: ${status.error?.message}`)
  process.exitCode = 1
}

const { health } = await client.clusters.getMetrics('Production')
console.log(`Production is ${health}`)
