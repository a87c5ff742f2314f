import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OrchestrationClient } from '../src/client.ts'
import { ENVIRONMENTS } from './here.ts'
import { type Stack, startStack } from './stack.ts'

/** One stack for all live tests, with policies short enough to wait for. */
export default async function setUp(): Promise<void> {
  const stack = await startStack()
  ;(globalThis as { __STACK__?: Stack }).__STACK__ = stack
  const file = join(tmpdir(), `hotswap-live-${process.pid}.json`)
  const { url, site, passwords, folder } = stack
  writeFileSync(file, JSON.stringify({ url, site, passwords, folder }), { mode: 0o600 })
  process.env['HOTSWAP_LIVE_FACTS'] = file
  const ada = new OrchestrationClient({
    baseUrl: url,
    credentials: { username: 'ada', password: passwords['ada'] ?? '' },
  })
  for (const environment of ENVIRONMENTS) {
    const {
      environment: _,
      revision,
      changedBy: _by,
      changedAt: _at,
      ...policy
    } = await ada.clusters.getPolicy(environment)
    const strategy =
      environment === 'Production'
        ? {
            ...policy.strategy,
            kind: 'Canary',
            bakeSeconds: 1,
            steps: [
              { percent: 10, bakeSeconds: 1 },
              { percent: 100, bakeSeconds: 1 },
            ],
          }
        : { ...policy.strategy, kind: 'Direct', bakeSeconds: 0 }
    const quick = {
      ...policy,
      strategy,
      // On a busy machine a node may take longer to start a version than it has; that is not what is tested here.
      analysis: { ...policy.analysis, mode: 'healthOnly', maxFailedNodes: 9 },
      approval: { ...policy.approval, required: false },
      idleHeartbeatMs: 1_000,
    }
    await ada.clusters.putPolicy(environment, { ...quick, expectedRevision: revision } as never)
  }
}
