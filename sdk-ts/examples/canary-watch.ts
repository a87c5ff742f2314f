// Deploys and follows the canary: waves, verdicts and the sentences behind them.
//   node examples/canary-watch.ts payment-processor 2.0.0
import { OrchestrationClient } from '@hotswap/distributed-kernel-sdk'

const {
  HOTSWAP_URL: baseUrl = 'http://127.0.0.1:8000',
  HOTSWAP_USERNAME: username = '',
  HOTSWAP_PASSWORD: password = '',
} = process.env
const [moduleName = 'payment-processor', version = '2.0.0'] = process.argv.slice(2)
const client = new OrchestrationClient({ baseUrl, credentials: { username, password } })

const plan = await client.deployments.plan({ moduleName, version, targetEnvironment: 'Production' })
for (const { environment, strategy, waves } of plan.environments)
  console.log(`${environment}: ${strategy ?? 'nothing to do'}, ${waves.length} waves`)

const { executionId } = await client.deployments.create({ moduleName, version, targetEnvironment: 'Production' })
for await (const event of client.deployments.watch(executionId)) {
  switch (event.type) {
    case 'WaveStarted':
      console.log(`${event.environment} wave ${(event.wave ?? 0) + 1}: ${event.detail.nodes.join(', ')}`)
      break
    case 'VerdictReached':
      console.log(`  ${event.detail.decision} (${event.detail.comparedWith}): ${event.detail.sentence}`)
      break
    case 'DeploymentEnded':
      console.log(event.detail.status)
      break
  }
}
