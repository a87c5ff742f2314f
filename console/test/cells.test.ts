import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeploymentEvent, Rollout, Wave } from '../../sdk-ts/src/types.ts'
import { cellsOf, summary } from '../src/cells.ts'

const NEW = 'sha256:new'
const OLD = 'sha256:old'

const wave = (changes: Partial<Wave> = {}) =>
  ({ number: 0, kind: 'deploy', nodes: 2, status: 'Deploying', ...changes }) as Wave
const rollout = (changes: Partial<Rollout> = {}) =>
  ({ environment: 'Production', phase: 'Deploying', ...changes }) as Rollout
const event = (type: string, detail: object, number: number | null = 0) =>
  ({ type, environment: 'Production', wave: number, detail }) as DeploymentEvent
const started = event('WaveStarted', { nodes: ['a', 'b'] })
const running = (what: Record<string, string | null>) => (name: string) => what[name]
const states = (...args: Parameters<typeof cellsOf>) => cellsOf(...args).map(({ is }) => is)

test('before a wave begins nobody knows its nodes, and they wait', () => {
  const cells = cellsOf(wave({ status: 'Pending' }), rollout(), [], running({}), NEW)

  assert.deepEqual(cells, [
    { name: null, is: 'waiting' },
    { name: null, is: 'waiting' },
  ])
})

test('a node of a wave changes colour when it runs the new version', () => {
  assert.deepEqual(states(wave(), rollout(), [started], running({ a: NEW, b: OLD }), NEW), ['changed', 'changing'])
})

test('a node that failed says why', () => {
  const events = [started, event('NodeFailed', { nodes: ['b'], reason: 'no 200 from /health' })]

  assert.deepEqual(cellsOf(wave(), rollout(), events, running({ a: NEW, b: OLD }), NEW)[1], {
    name: 'b',
    is: 'failed',
    why: 'no 200 from /health',
  })
})

test('nodes of a promoted wave keep the version, until all is taken back', () => {
  const promoted = wave({ status: 'Promoted' })

  assert.deepEqual(states(promoted, rollout(), [started], running({}), NEW), ['kept', 'kept'])
  assert.deepEqual(states(promoted, rollout({ phase: 'Restoring' }), [started], running({ a: OLD, b: NEW }), NEW), [
    'returned',
    'returning',
  ])
})

test('who could not be brought back is told apart from who could', () => {
  const events = [
    started,
    event('RestoreEnded', { outcome: 'RestoreFailed', restored: ['a'], unverified: ['b'] }, null),
  ]

  const cells = states(wave({ status: 'RolledBack' }), rollout({ phase: 'RestoreFailed' }), events, running({}), NEW)

  assert.deepEqual(cells, ['returned', 'stuck'])
})

test('what happened to another wave or environment does not count', () => {
  const elsewhere = [{ ...started, environment: 'QA' } as DeploymentEvent, event('WaveStarted', { nodes: ['c'] }, 1)]

  assert.deepEqual(states(wave(), rollout(), elsewhere, running({}), NEW), ['waiting', 'waiting'])
})

test('a wave is summed up in words', () => {
  assert.equal(
    summary([
      { name: 'a', is: 'changed' },
      { name: 'b', is: 'changing' },
      { name: 'c', is: 'changed' },
    ]),
    '2 changed, 1 changing',
  )
})
