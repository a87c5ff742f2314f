import { json } from '../fake-api.ts'
import { AT } from './records.ts'
import { Terminal } from './terminal.ts'

describe('policy set', () => {
  const policy = {
    environment: 'QA',
    revision: 3,
    changedBy: 'ada',
    changedAt: AT,
    concurrency: 'queue',
    strategy: { kind: 'Rolling', bakeSeconds: 9 },
  }

  test('changes what it is told and nothing else, and only what was read', async () => {
    const terminal = new Terminal(({ method }) => json(200, { ...policy, revision: method === 'PUT' ? 4 : 3 }))

    expect(await terminal.run('policy', 'set', 'qa', 'strategy.bakeSeconds=60', 'concurrency=reject')).toBe(0)

    expect(terminal.api.seen[1]?.body).toEqual({
      expectedRevision: 3,
      concurrency: 'reject',
      strategy: { kind: 'Rolling', bakeSeconds: 60 },
    })
    expect(terminal.out).toContain('QA has revision 4')
  })

  test.each(['strategy.nope=1', 'nope.x=1', 'strategy', '=1'])('%s is refused', async (change) => {
    const terminal = new Terminal(() => json(200, policy))

    expect(await terminal.run('policy', 'set', 'qa', change)).toBe(64)
    expect(terminal.api.seen).toHaveLength(1)
  })

  test('takes a whole policy from a file', async () => {
    const { writeFileSync } = await import('node:fs')
    const terminal = new Terminal(() => json(200, policy))
    const file = `${terminal.home}/policy.json`
    writeFileSync(file, JSON.stringify({ ...policy, concurrency: 'supersede' }))

    expect(await terminal.run('policy', 'set', 'qa', '--file', file)).toBe(0)
    expect(terminal.api.seen[1]?.body).toMatchObject({ concurrency: 'supersede', expectedRevision: 3 })
    expect(await terminal.run('policy', 'set', 'qa', '--file', `${file}.gone`)).toBe(64)
  })
})
