import { json } from '../fake-api.ts'
import { AT, approval, cluster, deployment, ID, node } from './records.ts'
import { Terminal } from './terminal.ts'

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
