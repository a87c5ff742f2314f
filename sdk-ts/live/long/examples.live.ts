import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bringTo, clientOf, environmentOf, facts, MODULE, PACKAGE, type Ran, ran } from '../here.ts'
import { Issuer } from '../issuer.ts'

const shown = new Set<string>()

/** An example as a person would run it, on the built package. */
async function example(file: string, words: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  shown.add(file)
  return ran(process.execPath, [`examples/${file}`, ...words], { env: { ...environmentOf('dana'), ...env } })
}

beforeAll(() => bringTo('1.0.0'), 180_000)

test('basic usage', async () => {
  const { code, out, err } = await example('basic-usage.ts', [MODULE, '2.0.0'])

  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain(`${MODULE} 2.0.0 runs in Production`)
  expect(out).toContain('Production is healthy')
})

test('rollback', async () => {
  const { code, out } = await example('rollback.ts', [MODULE, 'Production'])

  expect(code).toBe(0)
  expect(out).toContain('2.0.0 is taken back: Completed')
})

test('what was rolled back is in quarantine until it is released', async () => {
  const { quarantines } = await clientOf('ada').modules.releaseQuarantine(MODULE, 'Production', {
    version: '2.0.0',
    reason: 'a test',
  })

  expect(quarantines.filter(({ releasedAt }) => releasedAt === null)).toEqual([])
})

test('a canary with its verdicts', async () => {
  const { code, out } = await example('canary-watch.ts', [MODULE, '2.0.0'])

  expect(code).toBe(0)
  expect(out).toContain('Production: Canary, 2 waves')
  expect(out).toMatch(/Production wave 1: production-\d\d\n {2}promote \(healthOnly\): /)
  expect(out.trim().split('\n').at(-1)).toBe('Completed')
})

test('cluster monitoring', async () => {
  const { code, out } = await example('cluster-monitoring.ts')

  expect(code).toBe(0)
  expect(out).toContain('Production   healthy    10 of 10 nodes healthy')
})

test('approval workflow', async () => {
  const env = { HOTSWAP_APPROVER: 'amal', HOTSWAP_APPROVER_PASSWORD: facts().passwords['amal'] }
  const { code, out } = await example('approval-workflow.ts', [MODULE, '2.1.0'], env)

  expect(code).toBe(0)
  expect(out).toContain('Approved by amal')
  expect(out.trim().split('\n').at(-1)).toBe('Completed')
})

test('a CI job deploys with its identity token', async () => {
  const issuer = await new Issuer().start()
  try {
    const ada = clientOf('ada')
    const rules = [
      {
        claims: { repository: ['acme/payments'] },
        roles: ['Deployer' as const],
        environments: ['Development' as const],
      },
    ]
    await ada.issuers.trust({ name: 'example-ci', url: issuer.url, audience: 'hotswap', rules })
    const HOTSWAP_ID_TOKEN = issuer.token({ sub: 'job', aud: 'hotswap', repository: 'acme/payments' })
    const env = { HOTSWAP_ID_TOKEN, HOTSWAP_USERNAME: undefined, HOTSWAP_PASSWORD: undefined, CI_JOB_ID: 'live-1' }

    const first = await example('ci-deploy.ts', [MODULE, '2.1.0', 'Development'], env)
    const again = await example('ci-deploy.ts', [MODULE, '2.1.0', 'Development'], env)

    expect(first.out).toContain('Completed')
    expect([first.code, again.code]).toEqual([0, 0])
    expect(again.out.split(':')[0]).toBe(first.out.split(':')[0])
  } finally {
    await issuer.stop()
  }
})

test('every example was run', () => {
  const all = readdirSync(join(PACKAGE, 'examples')).filter((file) => file !== 'promised-usage.ts')

  expect([...shown].sort()).toEqual(all.sort())
})
