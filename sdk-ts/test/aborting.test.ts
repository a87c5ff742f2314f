import { TimeoutError } from '../src/errors.ts'
import { pause } from '../src/http/waiting.ts'
import { DEPLOYMENT, FakeApi, json, problem, refused, settled } from './fake-api.ts'

const ID = DEPLOYMENT.executionId

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

test('an attempt without an answer ends after the timeout, and is repeated', async () => {
  const api = new FakeApi((_, count) => (count === 1 ? 'never' : json(200, DEPLOYMENT)))

  const found = await settled(api.client({ timeout: 1_000 }).deployments.getStatus(ID))

  expect(found).toMatchObject({ executionId: ID })
  expect(api.seen).toHaveLength(2)
})

test('a timeout says how long it waited for what', async () => {
  const api = new FakeApi(() => 'never')

  const error = await settled(api.client({ retryAttempts: 0 }).clusters.get('QA', { timeout: 250 }))

  expect(error).toBeInstanceOf(TimeoutError)
  expect(error).toMatchObject({
    timeoutMs: 250,
    message: 'No answer to GET https://api.test/api/v1/clusters/QA within 250 ms.',
  })
})

test('a body that never ends is bounded like an answer that never begins', async () => {
  const endless = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) })
  const api = new FakeApi((seen) => {
    const stream = new TransformStream()
    void endless.pipeTo(stream.writable, { signal: seen.signal ?? undefined } as StreamPipeOptions).catch(() => {})
    return new Response(stream.readable, { headers: { 'content-type': 'application/json' } })
  })

  const error = await settled(api.client({ retryAttempts: 0, timeout: 500 }).clusters.get('QA'))

  expect(error).toBeInstanceOf(TimeoutError)
})

test('an aborted call rejects with the reason of the signal', async () => {
  const controller = new AbortController()
  const api = new FakeApi(() => 'never')
  const call = api.client().deployments.getStatus(ID, { signal: controller.signal })
  const reason = new Error('the user went home')
  await jest.advanceTimersByTimeAsync(1)

  controller.abort(reason)

  await expect(call).rejects.toBe(reason)
  expect(api.seen).toHaveLength(1)
})

test('a call with a signal that is aborted already sends nothing', async () => {
  const api = new FakeApi([])

  await expect(api.client().deployments.getStatus(ID, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  })
  expect(api.seen).toHaveLength(0)
})

test('the wait before a repetition ends with the signal', async () => {
  const controller = new AbortController()
  const api = new FakeApi([refused()])
  const call = api.client().deployments.getStatus(ID, { signal: controller.signal })
  const failed = expect(call).rejects.toMatchObject({ name: 'AbortError' })
  await jest.advanceTimersByTimeAsync(500)

  controller.abort()

  await failed
  expect(api.seen).toHaveLength(1)
})

test('a pause does not begin when the signal is aborted already', async () => {
  await expect(pause(10, AbortSignal.abort('no'))).rejects.toBe('no')
})

describe('waitForCompletion', () => {
  test.each(['Completed', 'RolledBack', 'RollbackFailed', 'Failed', 'Rejected', 'Expired', 'Cancelled', 'Superseded'])(
    'ends when the deployment is %s',
    async (status) => {
      const api = new FakeApi([json(200, DEPLOYMENT), json(200, { ...DEPLOYMENT, status })])

      const ended = await settled(api.client().deployments.waitForCompletion(ID))

      expect(ended).toMatchObject({ status })
      expect(api.seen).toHaveLength(2)
    },
  )

  test('looks every five seconds, for ten minutes at most', async () => {
    const api = new FakeApi(() => json(200, DEPLOYMENT))

    const error = await settled(api.client().deployments.waitForCompletion(ID))

    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ timeoutMs: 600_000 })
    expect(api.seen).toHaveLength(121)
  })

  test('looks as often and as long as it is told', async () => {
    const api = new FakeApi(() => json(200, DEPLOYMENT))

    expect(await settled(api.client().deployments.waitForCompletion(ID, 1_000, 2_500))).toBeInstanceOf(TimeoutError)
    expect(api.seen).toHaveLength(4)
  })

  test('survives an API that is away for a moment', async () => {
    const api = new FakeApi([refused(), problem(503), json(200, { ...DEPLOYMENT, status: 'Completed' })])

    expect(await settled(api.client().deployments.waitForCompletion(ID))).toMatchObject({ status: 'Completed' })
  })

  test('ends with its signal', async () => {
    const controller = new AbortController()
    const api = new FakeApi(() => json(200, DEPLOYMENT))
    const waiting = api.client().deployments.waitForCompletion(ID, 5_000, 60_000, { signal: controller.signal })
    const failed = expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    await jest.advanceTimersByTimeAsync(1_000)

    controller.abort()

    await failed
    expect(api.seen).toHaveLength(1)
  })
})
