import { json } from '../fake-api.ts'
import { AT, approval, deployment, ID, node } from './records.ts'
import { Terminal } from './terminal.ts'

describe('commands say to the API what they were told', () => {
  test.each<[string, string, string, unknown]>([
    [`pause ${ID}`, 'POST', `/api/v1/deployments/${ID}/pause`, {}],
    [`resume ${ID} -m why`, 'POST', `/api/v1/deployments/${ID}/resume`, { reason: 'why' }],
    [`promote ${ID.toLowerCase()}`, 'POST', `/api/v1/deployments/${ID}/promote`, {}],
    [`cancel ${ID}`, 'POST', `/api/v1/deployments/${ID}/cancel`, {}],
    [`promote ${ID} --all`, 'POST', `/api/v1/deployments/${ID}/promote`, { all: true }],
    [`retry ${ID}`, 'POST', `/api/v1/deployments/${ID}/retry`, {}],
    ['line stop trouble', 'POST', '/api/v1/line/stop', { reason: 'trouble' }],
    ['line resume -m over', 'POST', '/api/v1/line/resume', { reason: 'over' }],
    ['line', 'GET', '/api/v1/line', undefined],
    [`rollback ${ID} --reason why`, 'POST', `/api/v1/deployments/${ID}/rollback`, { reason: 'why' }],
    [
      `approve ${ID} --id apr-1 -m fine`,
      'POST',
      `/api/v1/approvals/deployments/${ID}/approve`,
      { reason: 'fine', approvalId: 'apr-1' },
    ],
    [`reject ${ID}`, 'POST', `/api/v1/approvals/deployments/${ID}/reject`, {}],
    [
      'deploy payment-processor 2.0.0 prod --require-approval --description New --email d@e.de --metadata a=1 --metadata b=c=d --hotfix why --skip qa',
      'POST',
      '/api/v1/deployments',
      {
        moduleName: 'payment-processor',
        version: '2.0.0',
        targetEnvironment: 'Production',
        requireApproval: true,
        description: 'New',
        requesterEmail: 'd@e.de',
        metadata: { a: '1', b: 'c=d' },
        hotfix: { reason: 'why', skip: ['QA'] },
      },
    ],
    [
      'deployments --module a-b --environment dev --status running --limit 5',
      'GET',
      '/api/v1/deployments?module=a-b&environment=Development&status=Running&limit=5',
      undefined,
    ],
    ['audit verify deployment:x', 'GET', '/api/v1/audit/verify?subject=deployment%3Ax', undefined],
    ['modules a-b', 'GET', '/api/v1/modules/a-b/versions', undefined],
  ])('hotswap %s', async (line, method, path, body) => {
    const terminal = new Terminal(() =>
      json(200, {
        ...deployment(),
        ...approval(),
        status: 'Running',
        deployments: [],
        cursor: null,
        versions: [],
        isWhole: true,
        state: 'running',
        mostRunning: null,
        running: [],
        waiting: [],
      }),
    )

    expect(await terminal.run(...line.split(' '))).toBe(0)

    expect(terminal.api.paths()).toEqual([`${method} ${path}`])
    expect(terminal.api.seen[0]?.body).toEqual(body)
  })

  test('an idempotency key of the caller goes with a deployment, whose id alone is printed', async () => {
    const terminal = new Terminal([json(202, { executionId: ID, status: 'Pending' })])

    await terminal.run('deploy', 'a-b', '1.0.0', 'dev', '--key', 'job-1')

    expect(terminal.api.seen[0]?.headers.get('idempotency-key')).toBe('job-1')
    expect(terminal.out).toBe(`${ID}\n`)
    expect(terminal.err).toContain(`hotswap watch ${ID}`)
  })

  test('latest is the newest deployment', async () => {
    const terminal = new Terminal([json(200, { deployments: [deployment()], cursor: null }), json(202, deployment())])

    await terminal.run('pause', 'latest')

    expect(terminal.api.paths()).toEqual(['GET /api/v1/deployments?limit=1', `POST /api/v1/deployments/${ID}/pause`])
  })

  test('latest of nothing says so', async () => {
    const terminal = new Terminal([json(200, { deployments: [], cursor: null })])

    expect(await terminal.run('watch')).toBe(64)
    expect(terminal.err).toContain('no deployment yet')
  })

  test('a node is found by its name', async () => {
    const terminal = new Terminal([json(200, { nodes: [node('production-01')] }), json(200, node('production-01'))])

    expect(await terminal.run('nodes', 'cordon', 'prod', 'production-01', '-m', 'disk')).toBe(0)

    expect(terminal.api.paths()[1]).toBe('POST /api/v1/nodes/p-production-01/cordon')
    expect(terminal.api.seen[1]?.body).toEqual({ reason: 'disk' })
  })

  test('an enrolment token is printed alone, so that a shell can keep it', async () => {
    const terminal = new Terminal([json(201, { token: 'hst_1', environment: 'Production', labels: {}, expiresAt: AT })])

    expect(await terminal.run('nodes', 'enrol-token', 'prod', '--label', 'zone=a', '--lives', '600')).toBe(0)

    expect(terminal.out).toBe('hst_1\n')
    expect(terminal.api.seen[0]?.body).toEqual({ labels: { zone: 'a' }, livesSeconds: 600 })
  })

  test("a function's alias becomes a node", async () => {
    const terminal = new Terminal([json(201, node('payments-live'))])

    const words = [
      'nodes',
      'add-alias',
      'prod',
      'hotswap-node-payments',
      'live',
      '--module',
      'payments',
      '--alarm',
      'a',
    ]
    expect(await terminal.run(...words)).toBe(0)

    expect(terminal.api.paths()[0]).toBe('POST /api/v1/clusters/Production/nodes')
    expect(terminal.api.seen[0]?.body).toEqual({
      kind: 'lambda',
      name: 'hotswap-node-payments-live',
      moduleName: 'payments',
      functionName: 'hotswap-node-payments',
      alias: 'live',
      alarms: ['a'],
    })
  })

  test('an alias without its module is a usage error', async () => {
    const terminal = new Terminal([])

    expect(await terminal.run('nodes', 'add-alias', 'prod', 'hotswap-node-payments', 'live')).toBe(64)
  })

  test('a node nobody knows is a usage error', async () => {
    const terminal = new Terminal([json(200, { nodes: [] })])

    expect(await terminal.run('nodes', 'remove', 'prod', 'x')).toBe(64)
    expect(terminal.err).toContain('no node "x" in Production')
  })

  test('all checkpoints are verified, page by page', async () => {
    const fault = { what: 'missing', subject: 's', seq: 2, detail: 'gone' }
    const terminal = new Terminal([
      json(200, { isWhole: true, checkpoints: [{}, {}], faults: [], nextAfter: 2 }),
      json(200, { isWhole: false, checkpoints: [{}], faults: [fault], nextAfter: 3 }),
      json(200, { isWhole: true, checkpoints: [], faults: [], nextAfter: 3 }),
    ])

    expect(await terminal.run('audit', 'verify')).toBe(1)
    expect(terminal.out).toContain('The audit is broken: 3 signed checkpoints.')
    expect(terminal.out).toContain('missing s: gone')
  })

  test('a plan that would not get through ends with 1 and says why', async () => {
    const span = { earliest: AT, latest: AT }
    const planned = {
      environment: 'Production',
      action: 'deploy',
      why: 'because',
      strategy: 'Canary',
      fleet: 4,
      gate: { approvers: 2, expiresSeconds: 86_400, why: 'policy' },
      queuedBehind: 'X',
      freezes: [{ name: 'christmas', reason: 'rest', until: null }],
      begins: span,
      ends: span,
      waves: [{ number: 0, kind: 'deploy', nodes: 1, percentBp: 2_500, bakeSeconds: 60 }],
    }
    const plan = {
      moduleName: 'a-b',
      version: '1.0.0',
      targetEnvironment: 'Production',
      plannedAt: AT,
      wouldRun: false,
      refusals: [{ environment: 'Production', code: 'x', message: 'No nodes.' }],
      earliestEnd: AT,
      worstCaseEnd: null,
      stateTransitions: { expected: 20, atMost: 30 },
      cost: { expectedUsd: '0.0005', atMostUsd: '0.0008' },
      environments: [
        planned,
        {
          ...planned,
          gate: { ...planned.gate, approvers: 1 },
          queuedBehind: null,
          why: null,
          strategy: null,
          fleet: 0,
        },
      ],
    }
    const terminal = new Terminal(() => json(200, plan))

    expect(await terminal.run('plan', 'a-b', '1.0.0', 'prod', '--allow-downgrade')).toBe(1)
    expect(terminal.api.seen[0]?.body).toMatchObject({ allowDowngrade: true })
    for (const told of [
      'waits for 2 people, 24 h 00 min at most: policy',
      'waits for one person',
      'waits behind X',
      'frozen christmas until further notice: rest',
      'wave 1  deploy 1 node (25 %), bakes 60 s',
      'at the latest never',
      '20 state transitions (at most 30), about $0.0005',
      '✖ Production: No nodes.',
      'It would not get through.',
    ]) {
      expect(terminal.out).toContain(told)
    }
    plan.wouldRun = true
    expect(await terminal.run('plan', 'a-b', '1.0.0', 'prod')).toBe(0)
  })

  test('a stopped line says who stopped it and who waits', async () => {
    const line = {
      state: 'stopped',
      stoppedBy: 'ada',
      stoppedBecause: 'trouble',
      mostRunning: 3,
      running: ['A'],
      waiting: ['B', 'C'],
    }
    const terminal = new Terminal([json(200, line)])

    await terminal.run('line')

    expect(terminal.out).toBe('The line is stopped by ada: trouble\n  1 running of at most 3: A\n  2 waiting: B, C\n')
  })

  test('a broken chain ends with 1', async () => {
    const terminal = new Terminal([json(200, { subject: 's', isWhole: false, records: 7, brokenAt: 3, lastHash: '' })])

    expect(await terminal.run('audit', 'verify', 's')).toBe(1)
    expect(terminal.out).toContain('broken at record 3 of 7')
  })
})
