// biome-ignore-all lint/suspicious/noThenProperty: a freeze of the API has one, and nobody awaits it
import { json, problem } from '../fake-api.ts'
import { AT, approval, ID } from './records.ts'
import { Terminal } from './terminal.ts'

const WEEKEND = {
  name: 'weekend',
  reason: '',
  verbs: ['start', 'promote'],
  then: 'wait',
  timeZone: 'Europe/Berlin',
  once: null,
  weekly: { days: ['Saturday', 'Sunday'], begins: '00:00', ends: '24:00' },
}
const policy = (freezes: unknown[]) => ({ environment: 'Production', revision: 4, strategy: {}, freezes })

describe('delegations', () => {
  const delegation = { delegator: 'erin', delegate: 'frank', from: AT, until: AT, reason: 'Holiday' }

  test('end at an instant, or after a time', async () => {
    const terminal = new Terminal(() => json(201, delegation))

    await terminal.run('delegate', 'frank', '--until', '2026-12-01T08:00:00Z', '-m', 'Holiday')
    const before = Date.now()
    await terminal.run('delegate', 'frank', '--from', '12h', '--until', '3d')

    expect(terminal.api.seen[0]?.body).toEqual({ to: 'frank', until: '2026-12-01T08:00:00.000Z', reason: 'Holiday' })
    const { from = '', until = '' } = (terminal.api.seen[1]?.body ?? {}) as Partial<Record<'from' | 'until', string>>
    expect(Date.parse(until) - Date.parse(from)).toBe(60 * 3_600_000)
    expect(Date.parse(from) - before).toBeGreaterThanOrEqual(12 * 3_600_000)
    expect(terminal.out).toBe(`frank may decide for erin until ${AT}.\n`)
  })

  test('one ends their own, an Admin anybody’s', async () => {
    const terminal = new Terminal(({ method }) =>
      method === 'DELETE' ? new Response(null, { status: 204 }) : json(200, { username: 'erin' }),
    )

    await terminal.run('delegations', 'end', 'frank')
    await terminal.run('delegations', 'end', 'frank', '--for', 'gus')

    expect(terminal.api.paths()).toEqual([
      'GET /api/v1/authentication/me',
      'DELETE /api/v1/approvals/delegations/erin/frank',
      'DELETE /api/v1/approvals/delegations/gus/frank',
    ])
  })

  test('are listed', async () => {
    const terminal = new Terminal(() => json(200, { delegations: [delegation] }))

    await terminal.run('delegations')

    expect(terminal.out).toContain(`erin  frank    ${AT}  ${AT}  Holiday`)
  })
})

describe('freezes', () => {
  test('are shown as people read them', async () => {
    const terminal = new Terminal(() => json(200, policy([WEEKEND])))

    await terminal.run('freezes', 'prod')

    expect(terminal.out).toContain('weekend  start, promote  wait  Saturday, Sunday 00:00–24:00  Europe/Berlin')
  })

  test.each<[string[], unknown[]]>([
    [
      ['year-end', '--from', '2026-12-20T18:00', '--until', '2027-01-02T08:00', '--refuse', '-m', 'few people'],
      [
        WEEKEND,
        {
          name: 'year-end',
          once: { begins: '2026-12-20T18:00', ends: '2027-01-02T08:00' },
          then: 'refuse',
          reason: 'few people',
        },
      ],
    ],
    [
      ['weekend', '--on', 'Friday', '--from', '16:00', '--verb', 'start', '--zone', 'UTC'],
      [{ name: 'weekend', weekly: { days: ['Friday'], begins: '16:00' }, timeZone: 'UTC', verbs: ['start'] }],
    ],
  ])('freeze %j stands in the calendar, in place of one of that name', async (words, freezes) => {
    const terminal = new Terminal(() => json(200, policy([WEEKEND])))

    expect(await terminal.run('freeze', 'prod', ...words)).toBe(0)

    expect(terminal.api.paths()[1]).toBe('PUT /api/v1/clusters/Production/policy')
    expect(terminal.api.seen[1]?.body).toEqual({ strategy: {}, freezes, expectedRevision: 4 })
  })

  test('unfreeze takes one out', async () => {
    const terminal = new Terminal(() => json(200, policy([WEEKEND])))

    expect(await terminal.run('unfreeze', 'prod', 'weekend')).toBe(0)
    expect(terminal.api.seen[1]?.body).toMatchObject({ freezes: [] })
    expect(await terminal.run('unfreeze', 'prod', 'nope')).toBe(64)
  })
})

describe('quarantine', () => {
  const kept = {
    environment: 'Production',
    moduleName: 'a-b',
    version: '2.1.0',
    digest: 'sha256:x',
    configurationRevision: null,
    reason: 'Error rate 20 %',
    by: 'hotswap',
    executionId: ID,
    since: AT,
    releasedBy: null,
    releasedAt: null,
    releaseReason: null,
  }

  test('says what is kept out and what was released', async () => {
    const terminal = new Terminal(() =>
      json(200, {
        quarantines: [kept, { ...kept, configurationRevision: 3, releasedBy: 'amal', releaseReason: 'gone' }],
      }),
    )

    await terminal.run('quarantine', 'a-b')

    expect(terminal.out).toContain('Error rate 20 %  kept out')
    expect(terminal.out).toContain('2.1.0 configured 3')
    expect(terminal.out).toContain('released by amal: gone')
  })

  test('is released with a reason', async () => {
    const terminal = new Terminal(() => json(200, { quarantines: [] }))

    expect(await terminal.run('quarantine', 'release', 'a-b', '2.1.0', 'prod', 'gone')).toBe(0)

    expect(terminal.api.paths()).toEqual(['POST /api/v1/modules/a-b/quarantine/Production/release'])
    expect(terminal.api.seen[0]?.body).toEqual({ version: '2.1.0', reason: 'gone' })
  })
})

describe('nothing there', () => {
  test.each<[string, unknown, string]>([
    ['webhooks', { webhooks: [] }, 'Nobody is told of events.'],
    [`webhooks deliveries ${ID}`, { deliveries: [] }, 'It was told of nothing yet.'],
    ['configuration history a-b prod', { revisions: [] }, 'It was never configured.'],
    ['delegations', { delegations: [] }, 'Nobody decides for anybody.'],
    ['freezes prod', policy([]), 'There are no freezes.'],
    ['quarantine a-b', { quarantines: [] }, 'Nothing of it is in quarantine.'],
  ])('%s', async (line, answer, told) => {
    const terminal = new Terminal(() => json(200, answer))

    expect(await terminal.run(...line.split(' '))).toBe(0)
    expect(terminal.out).toBe(`${told}\n`)
  })
})

describe('what is not understood asks the API nothing', () => {
  test.each([
    ['hooks set smoke https://x.example', '"smoke" is none of build, test, validation'],
    ['hooks set test https://x.example --timeout soon', '--timeout must be a whole number'],
    ['configuration set a-b prod', 'Say what to change'],
    ['configuration set a-b prod --everywhere --runs-on zone=a', 'exclude each other'],
    ['delegate frank', 'Say until when'],
    ['delegate frank --until tomorrow', '--until must be an instant such as'],
    ['delegate frank --until 2026-12-01', '--until must be an instant such as'],
    ['freeze prod x', 'Say when'],
    ['freeze prod x --from 2026-12-20T18:00', 'Say when'],
    ['line limit many', '--limit must be a whole number'],
  ])('hotswap %s', async (line, told) => {
    const terminal = new Terminal()

    expect(await terminal.run(...line.split(' '))).toBe(64)
    expect(terminal.err).toContain(told)
    expect(terminal.api.seen).toEqual([])
  })
})

describe('said to the API', () => {
  test.each<[string, string, string, unknown]>([
    ['line limit 20 -m busy', 'PUT', '/api/v1/line/limit', { mostRunning: 20, reason: 'busy' }],
    ['line limit none', 'PUT', '/api/v1/line/limit', { mostRunning: null }],
    [`withdraw ${ID} -m wait`, 'POST', `/api/v1/approvals/deployments/${ID}/withdraw`, { reason: 'wait' }],
    [`comment ${ID} which?`, 'POST', `/api/v1/approvals/deployments/${ID}/comments`, { text: 'which?' }],
    [`approve ${ID} --for erin`, 'POST', `/api/v1/approvals/deployments/${ID}/approve`, { onBehalfOf: 'erin' }],
    [
      'deploy a-b 2.0.0 dev --break-glass fire --strategy batch=1 --strategy minimumHealthy=50%',
      'POST',
      '/api/v1/deployments',
      {
        moduleName: 'a-b',
        version: '2.0.0',
        targetEnvironment: 'Development',
        breakGlass: { reason: 'fire' },
        strategy: { batch: 1, minimumHealthy: '50%' },
      },
    ],
  ])('hotswap %s', async (line, method, path, body) => {
    const said = { stillNeeded: { sentence: '1 more approval.' }, comments: [] }
    const answer = { ...approval(), ...said, state: 'running', mostRunning: null, running: [], waiting: [] }
    const terminal = new Terminal(() => json(200, answer))

    expect(await terminal.run(...line.split(' '))).toBe(0)

    expect(terminal.api.paths()).toEqual([`${method} ${path}`])
    expect(terminal.api.seen[0]?.body).toEqual(body)
  })

  test('what the API refuses is said', async () => {
    const terminal = new Terminal(() => problem(403))

    expect(await terminal.run('hooks', 'secret')).toBe(1)
    expect(terminal.err).toContain('Detail.')
  })
})
