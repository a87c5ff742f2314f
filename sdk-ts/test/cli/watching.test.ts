import { stripVTControlCharacters } from 'node:util'
import { eventLine } from '../../src/cli/watch/event-line.ts'
import { Scene, sideOf } from '../../src/cli/watch/scene.ts'
import { Screen } from '../../src/cli/watch/screen.ts'
import { deploymentLines } from '../../src/cli/watch/view.ts'
import type { Deployment, DeploymentEvent, Metrics } from '../../src/types.ts'
import { json, problem } from '../fake-api.ts'
import { AT, cluster, deployment, event, ID, node, rollout, wave } from './records.ts'
import { Terminal } from './terminal.ts'

const plain = (_: string, text: string) => text
const NOW = Date.parse(AT) + 30_000
const side = (over = {}) => ({ nodes: 1, requests: 1000, errors: 5, p95Us: 12_345, cpuBp: 250, ...over })

function view(
  deploymentNow: Deployment,
  events: DeploymentEvent[] = [],
  change: (scene: Scene) => void = () => {},
): string {
  const scene = new Scene(ID)
  scene.deployment = deploymentNow
  for (const each of events) scene.apply(each)
  change(scene)
  return deploymentLines(scene, { paint: plain, now: NOW, width: 120 }).join('\n')
}

const stages = [
  { name: 'Build', status: 'Succeeded', startTime: AT, endTime: AT, message: '' },
  { name: 'Test', status: 'Skipped', startTime: AT, endTime: AT, message: '' },
  { name: 'SecurityScan', status: 'Failed', startTime: AT, endTime: AT, message: 'unsigned' },
  { name: 'Validation', status: 'Running', startTime: AT, endTime: null, message: '' },
] as Deployment['stages']

describe('the view', () => {
  test('before anything is known', () => {
    expect(deploymentLines(new Scene(ID), { paint: plain, now: NOW, width: 80 })).toEqual([`${ID} …`])
  })

  test('stages, environments and what was asked for', () => {
    const shown = view(
      deployment({
        stages,
        description: 'Fees',
        undoes: 'X',
        environments: [
          rollout({ environment: 'QA', phase: 'Skipped', strategy: null, fleet: 0, fromVersion: null }),
          rollout(),
        ],
      }),
    )

    expect(shown).toContain('payment-processor 2.0.0 → Production   Running   30 s')
    expect(shown).toContain(`${ID}   undoes X   asked for by dana: Fees`)
    expect(shown).toContain('  ✔ Build   ○ Test skipped   ✖ SecurityScan: unsigned')
    expect(shown).toContain('  ○ QA')
    expect(shown).toContain('  · Production   pending            Canary   4 nodes   1.0.0 → 2.0.0')
    expect(shown).toContain('  ◐ Validation')
  })

  test('a wave that is being changed, node by node', () => {
    const current = rollout({
      phase: 'Deploying',
      startedAt: AT,
      wave: 0,
      waves: [wave({ status: 'Deploying', nodes: 3, failedNodes: 1 }), wave({ number: 1 })],
    })
    const events = [
      event(1, 'WaveStarted', { nodes: ['p-1', 'p-2', 'p-3'] }, 0),
      event(2, 'NodeFailed', { nodes: ['p-3'], reason: 'x' }, 0),
    ]

    const shown = view(deployment({ environments: [current] }), events, (scene) =>
      scene.clusters.set('Production', cluster([node('p-1', true), node('p-2')])),
    )

    expect(shown).toContain('◐ wave 1  deploy 3 nodes   ■◧✖  changing: 1 of 3 answered, 1 failed')
    expect(shown).toContain('        ■ p-1  ◧ p-2  ✖ p-3')
    expect(shown).toContain('· wave 2  deploy 2 nodes   □□')
  })

  test('a bake with its bar, and canary beside control', () => {
    const baking = wave({ status: 'Baking', deployedAt: AT, startedAt: AT, holds: 2, sentence: 'Too few requests.' })
    const current = rollout({
      phase: 'Baking',
      startedAt: AT,
      wave: 0,
      bakeUntil: '2026-11-21T12:01:00.000Z',
      waves: [baking],
    })

    const shown = view(deployment({ environments: [current] }), [], (scene) =>
      scene.sides.set('Production', {
        canary: side(),
        control: side({ nodes: 3, requests: 0, p95Us: null, cpuBp: null }),
      }),
    )

    expect(shown).toContain('baking ████████████░░░░░░░░░░░░ 50 %  30 s left  held 2 times')
    expect(shown).toContain('        Too few requests.')
    expect(shown).toMatch(/2\.0\.0 \(new\) +1\.0\.0 \(control\)/)
    expect(shown).toMatch(/requests +1,000 +0/)
    expect(shown).toMatch(/errors +0\.5 % +–/)
    expect(shown).toMatch(/p95 +12\.3 ms +–/)
    expect(shown).toMatch(/cpu +2\.5 % +–/)
  })

  test('a pause, and what to do about it', () => {
    const current = rollout({ phase: 'Paused', startedAt: AT, wave: 0, waves: [wave({ status: 'Baking' })] })

    const shown = view(deployment({ status: 'Paused', environments: [current] }))

    expect(shown).toMatch(/wave 1 .* paused/)
    expect(shown).toContain(`paused: hotswap resume ${ID}`)
  })

  test('an approval, and what to do about it', () => {
    const current = rollout({ phase: 'AwaitingApproval', startedAt: AT })

    const shown = view(deployment({ status: 'PendingApproval', environments: [current] }))

    expect(shown).toContain('◐ Production   awaiting approval')
    expect(shown).toContain(`hotswap approve ${ID}`)
  })

  test('a rollback with its verdict and the nodes that were taken back', () => {
    const bad = wave({
      status: 'RolledBack',
      decision: 'rollback',
      comparedWith: 'control',
      sentence: 'The canary fails 22 % of 41 requests.',
    })
    const current = rollout({
      phase: 'RestoreFailed',
      startedAt: AT,
      endedAt: AT,
      wave: 0,
      message: 'Worse.',
      restore: { why: '', goal: 'RolledBack', nodes: 2, restoredNodes: 1, failedNodes: 1 },
      waves: [bad],
    })
    const events = [
      event(1, 'WaveStarted', { nodes: ['p-1', 'p-2'] }, 0),
      event(2, 'RestoreEnded', { restored: ['p-1'], unverified: ['p-2'] }, 0),
    ]
    const error = { code: 'x', message: 'Worse than control.' }

    const shown = view(deployment({ status: 'RollbackFailed', endTime: AT, error, environments: [current] }), events)

    expect(shown).toContain('✖ wave 1  deploy 2 nodes   ↺◧  rollback (control)')
    expect(shown).toContain('The canary fails 22 % of 41 requests.')
    expect(shown).toContain('✖ took back 1 of 2 nodes, 1 not verified')
    expect(shown).toContain('  RollbackFailed: Worse than control.')
  })

  test.each(['Restoring', 'Restored'] as const)('%s', (phase) => {
    const restore = { why: '', goal: '', nodes: 2, restoredNodes: 2, failedNodes: 0 }

    expect(
      view(deployment({ environments: [rollout({ phase, startedAt: AT, wave: 0, restore, waves: [wave()] })] })),
    ).toContain('took back 2 of 2 nodes')
  })

  test('what was promoted stays folded up; nodes of a big wave are counted, not drawn', () => {
    const done = rollout({
      environment: 'Staging',
      phase: 'Promoted',
      startedAt: AT,
      endedAt: AT,
      waves: [wave({ status: 'Promoted', decision: 'promote', comparedWith: 'before' })],
    })
    const big = rollout({
      phase: 'Deploying',
      startedAt: AT,
      wave: 0,
      waves: [
        wave({ status: 'Deploying', nodes: 500 }),
        wave({ number: 1, status: 'Promoted', nodes: 1, decision: 'promote' }),
      ],
    })

    const shown = view(deployment({ environments: [done, big] }))

    expect(shown.match(/wave 1/g)).toHaveLength(1)
    expect(shown).toContain('deploy 500 nodes')
    expect(shown).not.toContain('□□□')
    expect(shown).toContain('promote (–)')
  })

  test('a bake without an end yet, a refusal, and a line that is too long', () => {
    const shown = view(
      deployment({
        description: 'x'.repeat(200),
        environments: [
          rollout({ environment: 'QA', phase: 'Refused' }),
          rollout({ phase: 'Baking', startedAt: AT, wave: 0, waves: [wave({ status: 'Baking' })] }),
        ],
      }),
    )

    expect(shown).toContain('✖ QA')
    expect(shown).toMatch(/baking$/m)
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBe(120)
  })

  test('the last event stands below, without what others put into their text', () => {
    const shown = view(deployment({ environments: [rollout()] }), [
      event(1, 'Paused', { by: 'da\u001b[31mna', reason: 'wait' }, 0),
    ])

    expect(shown).toContain('paused by dana: wait')
  })
})

test('what a side measured is added up over the buckets', () => {
  const point = (over = {}) => ({ at: AT, nodes: 2, requests: 10, errors: 1, latencyP95Us: 5, cpuBp: 7, ...over })
  const points = [point(), point({ requests: 30, latencyP95Us: 9, cpuBp: 8 }), point({ requests: 0, cpuBp: null })]

  expect(sideOf({ points } as unknown as Metrics)).toEqual({ nodes: 2, requests: 40, errors: 2, p95Us: 9, cpuBp: 8 })
  expect(sideOf({ points: [] } as unknown as Metrics)).toEqual({
    nodes: 0,
    requests: 0,
    errors: 0,
    p95Us: null,
    cpuBp: null,
  })
})

describe('a line for every event', () => {
  test.each<[string, object, number | null, string]>([
    ['DeploymentCreated', { kind: 'deploy', requestedBy: 'dana' }, null, 'asked for by dana'],
    ['DeploymentCreated', { kind: 'rollback', requestedBy: 'dana' }, null, 'rollback asked for by dana'],
    ['StageEnded', { stage: 'Test', status: 'Skipped', message: 'none' }, null, 'Test Skipped: none'],
    ['EnvironmentSkipped', {}, null, 'skipped'],
    ['ApprovalRequested', { approversNeeded: 2, expiresAt: AT }, null, `by 2 people until ${AT}`],
    ['ApprovalDecided', { outcome: 'Approved', by: 'amal', reason: 'ok' }, null, 'Approved by amal: ok'],
    ['ApprovalDecided', { outcome: 'Rejected', by: 'amal', reason: '' }, null, 'Rejected by amal'],
    ['TurnQueued', { position: 2, holder: 'X' }, null, 'position 2 behind X'],
    ['TurnGranted', {}, null, 'has its turn'],
    [
      'PlanMade',
      { strategy: 'Canary', fleet: 4, waves: [{ nodes: 1, kind: 'deploy', bakeSeconds: 5 }] },
      null,
      'Canary over 4 nodes: 1 deploy + 5 s',
    ],
    ['PlanChanged', {}, null, 'asking again'],
    [
      'WaveStarted',
      { kind: 'deploy', nodes: Array.from({ length: 14 }, (_, index) => `n${index}`) },
      0,
      'n11 and 2 more',
    ],
    ['NodeFailed', { nodes: [], reason: 'silent' }, 0, 'failed: nobody: silent'],
    ['WaveDeployed', { nodes: 1, failed: 0, bakeUntil: AT }, 0, '1 node answered, 0 failed; baking until'],
    [
      'VerdictReached',
      { decision: 'hold', comparedWith: 'control', sentence: 'Thin.' },
      1,
      'Production wave 2  hold (control): Thin.',
    ],
    ['Paused', { why: 'held' }, null, 'paused: held'],
    ['Resumed', {}, null, 'resumed'],
    ['Promoted', { by: 'dana' }, null, 'promoted by dana'],
    ['CancelRequested', { by: 'dana', reason: 'no' }, null, 'cancel by dana: no'],
    ['RestoreStarted', { nodes: 1, why: 'worse' }, null, 'taking back 1 node: worse'],
    [
      'RestoreEnded',
      { outcome: 'Restored', milliseconds: 5, restored: ['a'], unverified: [] },
      null,
      'Restored in 5 ms: a',
    ],
    [
      'RestoreEnded',
      { outcome: 'RestoreFailed', milliseconds: 5, restored: [], unverified: ['b'] },
      null,
      'nobody; not verified: b',
    ],
    ['HookCalled', { point: 'Test', target: 'https://ci' }, null, 'asks https://ci for Test'],
    ['HookEnded', { point: 'Test', status: 'Failed', message: 'no' }, null, 'Test Failed: no'],
    ['FreezeMet', { name: 'christmas', until: AT }, null, `frozen by christmas until ${AT}`],
    ['FreezeMet', { name: 'christmas' }, null, 'frozen by christmas'],
    ['FreezeBroken', { name: 'christmas', by: 'ada', reason: 'leak' }, null, 'freeze broken (christmas) by ada: leak'],
    ['FreezeOver', {}, null, 'the freeze is over'],
    ['PauseRequested', { by: 'dana', reason: '' }, null, 'pause asked for by dana'],
    ['ApprovalCommented', { by: 'amal', text: 'why' }, null, 'amal says: why'],
    ['ApprovalReminder', { stillNeeded: 'one person', expiresAt: AT }, null, `still needs one person, until ${AT}`],
    ['DecisionWithdrawn', { by: 'amal', reason: 'wait' }, null, 'agreement withdrawn by amal: wait'],
    ['DigestQuarantined', { version: '2.0.0', reason: 'worse' }, null, 'quarantined 2.0.0: worse'],
    ['EnvironmentEnded', { outcome: 'Promoted' }, null, 'Promoted'],
    ['ExecutionReplaced', { execution: 'X-r1' }, null, 'goes on as X-r1'],
    ['DeploymentEnded', { status: 'Completed' }, null, 'Completed'],
    ['DeploymentEnded', { status: 'Failed', error: { message: 'why' } }, null, 'Failed: why'],
    ['SomethingNew', {}, null, 'SomethingNew'],
  ])('%s %j', (type, detail, number, expected) => {
    expect(eventLine(event(1, type, detail, number), plain)).toContain(expected)
  })
})

describe('the screen', () => {
  test('is drawn over itself, and cut to the height of the terminal', () => {
    let out = ''
    const screen = new Screen({ write: (text) => (out += text), rows: 7, columns: 80 })
    screen.draw(['a', 'b'])
    screen.draw(['a', 'b'])
    screen.draw(['1', '2', '3', '4', '5', '6', '7', '8', '9'])
    screen.close()

    expect(out).toBe('\u001b[?25l\u001b[Ja\nb\n\u001b[2A\r\u001b[J1\n2\n6\n7\n8\n9\n\u001b[?25h')
    expect(new Screen({ write: () => {} }).width).toBe(100)
  })
})

describe('hotswap watch', () => {
  const page = (events: DeploymentEvent[], ended: boolean) =>
    json(200, { events, status: 'Running', ended, nextAfter: events.length })
  const ended = (status: string) => {
    const events = [
      event(1, 'DeploymentCreated', { kind: 'deploy', requestedBy: 'dana' }),
      event(2, 'DeploymentEnded', { status }),
    ]
    const current = rollout({
      phase: 'Promoted',
      startedAt: AT,
      endedAt: AT,
      wave: 0,
      waves: [wave({ status: 'Promoted', startedAt: AT, decision: 'promote', comparedWith: 'control' })],
    })
    return ({ path }: { path: string }) => {
      if (path.includes('/events')) return page(events, true)
      if (path.includes('/metrics')) return json(200, { points: [] })
      if (path.includes('/clusters')) return json(200, cluster())
      return json(
        path.endsWith('/deployments') ? 202 : 200,
        deployment({ status, endTime: AT, environments: [current] } as never),
      )
    }
  }

  test.each([
    ['Completed', 0],
    ['Failed', 1],
    ['RollbackFailed', 1],
    ['RolledBack', 2],
    ['Rejected', 3],
    ['Expired', 3],
    ['Cancelled', 4],
    ['Superseded', 4],
  ])('ends with the code of %s', async (status, code) => {
    const terminal = new Terminal(ended(status))

    expect(await terminal.run('watch', ID)).toBe(code)
    expect(terminal.out.split('\n')).toHaveLength(3)
    expect(terminal.out).toContain(status)
  })

  test('a line of JSON an event with --json', async () => {
    const terminal = new Terminal(ended('Completed'))

    await terminal.run('watch', ID, '--json')

    expect(
      terminal.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).seq),
    ).toEqual([1, 2])
  })

  test('deploy --watch prints the answer and follows', async () => {
    const terminal = new Terminal(ended('RolledBack'))

    expect(await terminal.run('deploy', 'a-b', '1.0.0', 'prod', '--watch', '--json')).toBe(2)
    expect(JSON.parse(terminal.out.split('\n')[0] ?? '').executionId).toBe(ID)
  })

  test('a signal can be watched too', async () => {
    expect(await new Terminal(ended('Completed')).run('rollback', ID, '--watch')).toBe(0)
  })

  test('a live view on a terminal, which is given back at the end', async () => {
    const terminal = new Terminal(ended('Completed'))
    terminal.isTTY = true
    terminal.env = { ...terminal.env, NO_COLOR: '1' }

    expect(await terminal.run('watch', ID)).toBe(0)

    expect(terminal.out.startsWith('\u001b[?25l')).toBe(true)
    expect(terminal.out.endsWith('\u001b[?25h')).toBe(true)
    expect(stripVTControlCharacters(terminal.out)).toContain('✔ wave 1  deploy 2 nodes   ■■  promote (control)')
  })

  test('a view of what does not exist says so and gives the terminal back', async () => {
    const terminal = new Terminal(() => problem(404))
    terminal.isTTY = true

    expect(await terminal.run('watch', ID)).toBe(1)
    expect(terminal.out.endsWith('\u001b[?25h')).toBe(true)
    expect(terminal.err).toContain('Detail.')
  })

  test('Ctrl-C leaves the deployment alone and gives the terminal back', async () => {
    const terminal = new Terminal((seen) => {
      if (!seen.path.includes('/events')) return ended('Running')(seen)
      setImmediate(() => terminal.interrupt())
      return 'never'
    })
    terminal.isTTY = true

    expect(await terminal.run('watch', ID)).toBe(130)
    expect(terminal.out.endsWith('\u001b[?25h')).toBe(true)
  })
})
