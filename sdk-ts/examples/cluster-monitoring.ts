// How every environment is, and what Production measured in the last ten minutes.
//   node examples/cluster-monitoring.ts
import { OrchestrationClient } from '@hotswap/distributed-kernel-sdk'

const {
  HOTSWAP_URL: baseUrl = 'http://127.0.0.1:8000',
  HOTSWAP_USERNAME: username = '',
  HOTSWAP_PASSWORD: password = '',
} = process.env
const client = new OrchestrationClient({ baseUrl, credentials: { username, password } })

for await (const { environment, health, healthyNodes, totalNodes, drift } of client.clusters.list()) {
  console.log(
    `${environment.padEnd(12)} ${health.padEnd(10)} ${healthyNodes} of ${totalNodes} nodes healthy${drift ? ', some drifted' : ''}`,
  )
}

const from = new Date(Date.now() - 600_000).toISOString()
const { health, points } = await client.clusters.getMetrics('Production', { from, interval: '1m' })
console.log(`Production is ${health}`)
for (const { at, requests, errorRateBp, latencyP95Us } of points) {
  const errors = errorRateBp === null ? '–' : `${errorRateBp / 100} %`
  const p95 = latencyP95Us === null ? '–' : `${(latencyP95Us / 1000).toFixed(1)} ms`
  console.log(`${at}  ${requests} requests, ${errors} errors, p95 ${p95}`)
}
