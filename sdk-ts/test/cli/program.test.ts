import { COMMANDS } from '../../src/cli/commands.ts'
import { json, problem, refused } from '../fake-api.ts'
import { AT, approval, cluster, deployment, ID, node } from './records.ts'
import { Terminal } from './terminal.ts'

describe('what is not understood ends with 64, says why, and asks the API nothing', () => {
  test.each([
    ['deplyo', 'no command "deplyo"'],
    ['dep', 'did you mean deploy?'],
    ['deploy payment-processor', '<version> is missing: hotswap deploy <module> <version> <environment>'],
    ['deploy a-b 1.0.0 moon', '"moon" is none of Development, QA, Staging, Production'],
    ['deploy a-b 1.0.0 prod extra', '"extra" is too much'],
    ['deploy a-b 1.0.0 prod --metadata x', '--metadata must be KEY=VALUE'],
    ['deploy a-b 1.0.0 prod --hotfix why', 'belong together'],
    ['deploy a-b 1.0.0 prod --nope', "Unknown option '--nope'. See hotswap help deploy."],
    ['deployments --limit 0', '--limit must be a whole number'],
    ['deployments --status Gone', '"Gone" is none of Pending'],
    ['policy set prod', 'Say what to change'],
    ['policy', 'no command "policy"'],
    ['completion tcsh', 'is none of bash, zsh, fish'],
    ['login', '<username> is missing'],
    ['login dana', 'use --password-stdin'],
  ])('hotswap %s', async (line, told) => {
    const terminal = new Terminal()

    expect(await terminal.run(...line.split(' '))).toBe(64)
    expect(terminal.err).toContain(told)
    expect(terminal.api.seen).toEqual([])
  })

  test('in JSON when JSON was asked for', async () => {
    const terminal = new Terminal()

    await terminal.run('deploy', '--json')

    expect(JSON.parse(terminal.err).error.name).toBe('UsageError')
  })
})

describe('help', () => {
  test.each([[], ['help'], ['--help'], ['-h']])(
    'hotswap %s lists every command and exit code',
    async (...words: string[]) => {
      const terminal = new Terminal()

      expect(await terminal.run(...words)).toBe(0)
      for (const { name } of COMMANDS) expect(terminal.out).toContain(`  ${name}`)
      for (const code of ['0 ', '1 ', '2 ', '3 ', '64']) expect(terminal.out).toContain(`\n  ${code}`)
    },
  )

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    '%s shows its options and an example',
    async (name, { options, examples }) => {
      const terminal = new Terminal()

      expect(await terminal.run(...name.split(' '), '--help')).toBe(0)
      const shown = terminal.out
      expect(await terminal.run('help', ...name.split(' '))).toBe(0)

      expect(terminal.out).toBe(shown)
      for (const option of Object.keys(options ?? {})) expect(shown).toContain(`--${option}`)
      expect(examples.length).toBeGreaterThan(0)
      for (const example of examples) expect(shown).toContain(example)
    },
  )

  test('--version', async () => {
    const terminal = new Terminal()

    expect(await terminal.run('--version')).toBe(0)
    expect(terminal.out).toBe('0.0.0-test\n')
  })
})

describe('what went wrong, and what to do next', () => {
  test.each<[() => Response | Error, string[]]>([
    [
      () => problem(401, { detail: 'The token has expired.' }),
      ['The token has expired. (request r-1)', 'hotswap login --url https://api.test'],
    ],
    [() => problem(403), ['Detail.', 'hotswap whoami']],
    [() => problem(404), ['hotswap deployments']],
    [() => problem(409, { currentStatus: 'Completed' }), ['It is Completed by now']],
    [() => problem(409), ['Detail. (request r-1)']],
    [
      () =>
        problem(400, {
          errors: [
            { field: 'reason', rule: 'too long' },
            { field: '', rule: 'odd' },
          ],
        }),
      ['  reason: too long', '  body: odd'],
    ],
    [() => problem(429, {}, { 'retry-after': '999' }), ['Try again']],
    [refused, ['ECONNREFUSED', 'Is HotSwap at https://api.test?', 'make run']],
  ])('%#', async (failure, told) => {
    const terminal = new Terminal(() => failure())

    expect(await terminal.run('pause', ID)).toBe(1)
    for (const each of told) expect(terminal.err).toContain(each)
    expect(terminal.out).toBe('')
  })

  test('in JSON', async () => {
    const terminal = new Terminal(() => problem(404))

    expect(await terminal.run('pause', ID, '--json')).toBe(1)
    expect(JSON.parse(terminal.err).error).toMatchObject({ name: 'NotFoundError', status: 404, requestId: 'r-1' })
  })

  test('text of others cannot steer the terminal', async () => {
    const terminal = new Terminal(() => problem(409, { detail: '\u001b[2Jgone\u0008\u009b' }))

    await terminal.run('pause', ID)

    expect(terminal.err).not.toContain('\u001b')
    expect(terminal.err).toContain('gone')
  })

  test('Ctrl-C is 130', async () => {
    const terminal = new Terminal(() => {
      terminal.interrupt()
      return refused()
    })

    expect(await terminal.run('whoami')).toBe(130)
  })
})

describe('who a command is', () => {
  const user = { username: 'dana', roles: ['Deployer'] }
  const tokens = { accessToken: 'a-1', expiresAt: '2100-01-01T00:00:00Z', refreshToken: 'r-1', user }
  const answers = ({ path }: { path: string }) =>
    path.endsWith('/login')
      ? json(200, tokens)
      : path.endsWith('/logout')
        ? new Response(null, { status: 204 })
        : json(200, user)

  function nobody(): Terminal {
    const terminal = new Terminal(answers)
    terminal.env = { HOME: terminal.home }
    return terminal
  }

  test('whoever logged in, for the commands that follow, at the URL they logged in to', async () => {
    const terminal = nobody()
    terminal.answers = ['dana', 'secret']

    expect(await terminal.run('login', '--url', 'https://other.test')).toBe(0)
    expect(terminal.out).toContain('Logged in to https://other.test as dana (Deployer).')
    expect(await terminal.run('whoami')).toBe(0)

    expect(terminal.out).toContain('dana at https://other.test')
    expect(terminal.api.bearers()).toEqual([null, 'Bearer a-1'])
  })

  test('the password may be piped in, and is not kept', async () => {
    const terminal = nobody()
    terminal.stdin = 'secret\n'

    await terminal.run('login', 'dana', '--password-stdin', '--url', 'https://api.test')

    expect(terminal.api.seen[0]?.body).toEqual({ username: 'dana', password: 'secret' })
    const { readFileSync, statSync } = await import('node:fs')
    const file = `${terminal.home}/.config/hotswap/session.json`
    expect(readFileSync(file, 'utf8')).not.toContain('secret')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('a session is not sent to another server', async () => {
    const terminal = nobody()
    terminal.stdin = 'secret'
    await terminal.run('login', 'dana', '--password-stdin', '--url', 'https://api.test')

    await terminal.run('whoami', '--url', 'https://evil.test')

    expect(terminal.api.bearers().at(-1)).toBeNull()
  })

  test('logout ends it here and at the API', async () => {
    const terminal = nobody()
    terminal.stdin = 'secret'
    await terminal.run('login', 'dana', '--password-stdin', '--url', 'https://api.test')
    expect(await terminal.run('logout')).toBe(0)
    expect(terminal.api.paths().at(-1)).toBe('POST /api/v1/authentication/logout')

    expect(await terminal.run('logout')).toBe(0)
    expect(terminal.api.seen).toHaveLength(2)
  })

  test('an identity token of the environment is exchanged', async () => {
    const terminal = new Terminal(({ path }) =>
      json(200, path.endsWith('/exchange') ? { accessToken: 'x-1', expiresAt: tokens.expiresAt, user } : user),
    )
    terminal.env = { HOME: terminal.home, HOTSWAP_URL: 'https://api.test', HOTSWAP_ID_TOKEN: 'oidc' }

    expect(await terminal.run('whoami')).toBe(0)

    expect(terminal.api.seen[0]?.body).toEqual({ idToken: 'oidc' })
    expect(terminal.api.bearers()).toEqual([null, 'Bearer x-1'])
  })

  test('a temporary password is to be changed, and can be', async () => {
    const terminal = new Terminal(({ path }) =>
      json(200, {
        ...tokens,
        accessToken: path.split('/').at(-1),
        user: { ...user, mustChangePassword: path.endsWith('/login') },
      }),
    )
    terminal.env = { HOME: terminal.home, HOTSWAP_URL: 'https://api.test' }
    terminal.answers = ['dana', 'temporary', 'temporary', 'my own']

    await terminal.run('login')
    expect(terminal.out).toContain('hotswap password')
    expect(await terminal.run('password')).toBe(0)
    expect(terminal.api.seen[1]?.body).toEqual({ currentPassword: 'temporary', newPassword: 'my own' })
    await terminal.run('whoami')
    expect(terminal.api.bearers().at(-1)).toBe('Bearer password')
    expect(await terminal.run('password')).toBe(64)
  })

  test('a token of the environment wins, then a user of the environment', async () => {
    const terminal = nobody()
    terminal.env = { ...terminal.env, HOTSWAP_TOKEN: 'ci', HOTSWAP_USERNAME: 'dana', HOTSWAP_PASSWORD: 'x' }
    await terminal.run('whoami')
    terminal.env = { ...terminal.env, HOTSWAP_TOKEN: undefined }
    await terminal.run('whoami')

    expect(terminal.api.bearers()).toEqual(['Bearer ci', null, 'Bearer a-1'])
  })
})

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

describe('what is printed', () => {
  const lists: Record<string, [string, unknown, string]> = {
    deployments: [
      'deployments',
      { deployments: [deployment()], cursor: null },
      `${ID}  payment-processor  2.0.0    Production  Running  dana`,
    ],
    approvals: [
      'approvals',
      { approvals: [approval()], cursor: null },
      '– → 2.0.0  Production   dana      0 of 2    2 h 00 min',
    ],
    clusters: [
      'clusters',
      { clusters: [cluster()] },
      'Production   degraded  0 of 0 healthy  payment-processor 1.0.0 → 2.0.0 (1 node drifted)',
    ],
    cluster: [
      'clusters prod',
      cluster([node('production-01')]),
      'production-01  Healthy  Active  payment-processor aaaaaaaaaaaa',
    ],
    nodes: ['nodes prod', { nodes: [node('production-01')] }, 'production-01  Healthy  Active'],
    modules: [
      'modules',
      {
        modules: [
          {
            moduleName: 'a-b',
            version: '1.0.0',
            status: 'Registered',
            digest: `sha256:${'c'.repeat(64)}`,
            size: 2048,
            keyId: null,
            registeredAt: AT,
          },
        ],
        cursor: null,
      },
      'a-b     1.0.0    Registered  cccccccccccc  2.0 KiB  unsigned',
    ],
    audit: [
      'audit',
      {
        records: [{ at: AT, actor: 'ada', action: 'LoggedIn', outcome: 'allowed', subject: 's' }],
        nextAfter: null,
        cursor: null,
      },
      `${AT}  ada  LoggedIn  allowed  s`,
    ],
    'policy get': [
      'policy get prod',
      { environment: 'Production', revision: 3, strategy: { kind: 'Canary', steps: [1] } },
      'strategy.kind=Canary\nstrategy.steps=[1]',
    ],
  }

  test.each(Object.entries(lists))('%s', async (_, [line, answer, expected]) => {
    const terminal = new Terminal(() => json(200, answer))

    expect(await terminal.run(...line.split(' '))).toBe(0)
    expect(terminal.out).toContain(expected)
    expect(await terminal.run(...line.split(' '), '--json')).toBe(0)
    expect(terminal.json()).toBeTruthy()
  })

  test.each([
    ['deployments', { deployments: [], cursor: null }, 'No deployments.'],
    ['approvals', { approvals: [], cursor: null }, 'Nothing waits'],
    ['modules', { modules: [], cursor: null }, 'No modules.'],
    ['nodes qa', { nodes: [] }, 'No nodes'],
    ['audit', { records: [], nextAfter: null, cursor: null }, 'Nothing happened.'],
  ])('nothing: %s', async (line, answer, expected) => {
    const terminal = new Terminal(() => json(200, answer))

    await terminal.run(...line.split(' '))

    expect(terminal.out).toContain(expected)
  })

  test('colours on a terminal, none with NO_COLOR', async () => {
    const answer = () => json(200, { deployments: [deployment()], cursor: null })
    const terminal = new Terminal(answer)
    terminal.isTTY = true
    await terminal.run('deployments')
    expect(terminal.out).toContain('\u001b[36mRunning')

    terminal.env = { ...terminal.env, NO_COLOR: '1' }
    await terminal.run('deployments')
    expect(terminal.out).not.toContain('\u001b')

    terminal.env = { ...terminal.env, NO_COLOR: undefined, FORCE_COLOR: '0' }
    await terminal.run('deployments')
    expect(terminal.out).not.toContain('\u001b')
  })
})

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

describe('completion', () => {
  test.each([
    [['dep'], ['deploy', 'deployments']],
    [['modules', 'p'], ['push']],
    [
      ['deploy', 'a', '1.0.0', ''],
      ['Development', 'Production', 'QA', 'Staging'],
    ],
    [['deploy', '--ski'], ['--skip']],
    [['deployments', '--environment', 'P'], ['Production']],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['watch', ''], ['latest']],
    [['nope', ''], []],
  ])('%j', async (words, expected) => {
    const terminal = new Terminal()

    await terminal.run('__complete', ...words)

    expect(terminal.out.split('\n').filter(Boolean)).toEqual(expected)
  })

  test.each(['bash', 'zsh', 'fish'])('%s has a script', async (shell) => {
    const terminal = new Terminal()

    expect(await terminal.run('completion', shell)).toBe(0)
    expect(terminal.out).toContain('hotswap __complete')
  })
})

test('hotswap verdicts shows both sides, the interval and what was tested', async () => {
  const finding = {
    metric: 'errorRate',
    nodeId: null,
    unit: 'bp',
    canaryValue: 812,
    baselineValue: 101,
    canarySamples: 5000,
    baselineSamples: 45000,
    sampleUnit: 'requests',
    test: 'beta-binomial',
    pValue: '1e-9',
    alpha: '0.0008',
    effectBp: 70396,
    lowBp: 41000,
    highBp: null,
    thresholdBp: 5000,
    testedBp: 5400,
    floor: 10,
    critical: true,
    source: 'heartbeat',
    conclusion: 'harm',
    sentence: 'worse',
  }
  const verdict = {
    seq: 9,
    at: AT,
    environment: 'Production',
    wave: 0,
    decision: 'rollback',
    comparedWith: 'control',
    sentence: 'Worse.',
    final: false,
    reasons: [],
    findings: [finding],
  }
  const pages = [
    { verdicts: [verdict], nextAfter: 9 },
    { verdicts: [], nextAfter: null },
  ]
  const terminal = new Terminal(pages.map((page) => json(200, page)))

  expect(await terminal.run('verdicts', ID, '--environment', 'prod')).toBe(0)

  expect(terminal.api.paths()[1]).toContain(`/deployments/${ID}/verdicts?environment=Production&after=9`)
  expect(terminal.out).toContain('Production wave 1  rollback (control, by a look during the bake): Worse.')
  const columns = [
    'errorRate',
    '8.12 %',
    '1.01 %',
    '5000/45000 requests',
    '+704 %',
    '+410 % to –',
    '+54 %',
    '1e-9 (0.0008)',
  ]
  for (const column of columns) expect(terminal.out).toContain(column)
})
