import { NetworkError, RateLimitError } from '../src/errors.ts'
import { delayBefore, isRepeatable, retryAfterMs } from '../src/http/retry.ts'
import type { RetryNotice } from '../src/options.ts'
import { DEPLOYMENT, FakeApi, json, problem, refused, settled } from './fake-api.ts'

const ID = DEPLOYMENT.executionId
const POLICY = { attempts: 3, firstDelayMs: 2_000, longestDelayMs: 60_000 }

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

describe('what is sent again', () => {
  const cases: [string, 'GET' | 'PUT' | 'POST with key' | 'POST', () => Response | Error, boolean][] = [
    ['no connection', 'GET', refused, true],
    ['no connection', 'PUT', refused, true],
    ['no connection', 'POST with key', refused, true],
    ['no connection', 'POST', refused, false],
    ['500', 'GET', () => problem(500), true],
    ['502', 'POST with key', () => problem(502), true],
    ['503', 'POST', () => problem(503), false],
    ['504', 'PUT', () => problem(504), true],
    ['408', 'GET', () => problem(408), true],
    ['429', 'GET', () => problem(429), true],
    ['429', 'POST with key', () => problem(429), true],
    ['429', 'POST', () => problem(429), false],
    ['400', 'GET', () => problem(400), false],
    ['403', 'GET', () => problem(403), false],
    ['404', 'GET', () => problem(404), false],
    ['409', 'POST with key', () => problem(409), false],
    ['422', 'POST with key', () => problem(422), false],
  ]

  test.each(cases)('%s to a %s', async (_, kind, failure, isRepeated) => {
    const api = new FakeApi((_, count) => (count === 1 ? failure() : json(200, DEPLOYMENT)))
    const client = api.client()
    const body = { moduleName: 'payment-processor', version: '2.0.0', targetEnvironment: 'QA' } as const
    const sent = {
      GET: () => client.deployments.getStatus(ID),
      PUT: () => client.clusters.putPolicy('QA', {} as never),
      POST: () => client.deployments.cancel(ID),
      'POST with key': () => client.deployments.create(body),
    }[kind]

    const outcome = await settled<unknown>(sent())

    expect(api.seen).toHaveLength(isRepeated ? 2 : 1)
    expect(outcome instanceof Error).toBe(!isRepeated)
  })

  test('a deployment is asked for with one key, the same for all attempts, and another for another call', async () => {
    const api = new FakeApi([refused(), problem(503), json(202, DEPLOYMENT), json(202, DEPLOYMENT)])
    const client = api.client()
    const body = { moduleName: 'payment-processor', version: '2.0.0', targetEnvironment: 'QA' } as const

    await settled(client.deployments.create(body))
    await settled(client.deployments.create(body))

    const [first, second, third, other] = api.seen.map(({ headers }) => headers.get('idempotency-key'))
    expect(first).toMatch(/^[0-9a-f-]{36}$/)
    expect([second, third]).toEqual([first, first])
    expect(other).not.toBe(first)
  })

  test('a key of the caller is used as it is', async () => {
    const api = new FakeApi([json(202, DEPLOYMENT)])

    await api.client().deployments.rollback(ID, {}, { idempotencyKey: 'job-17' })

    expect(api.seen[0]?.headers.get('idempotency-key')).toBe('job-17')
  })
})

describe('how long it waits', () => {
  test('2 s, 4 s and 8 s, each up to a quarter more, then it gives up', () => {
    const error = new NetworkError('gone')
    expect([0, 1, 2, 3].map((n) => delayBefore(n, error, POLICY, () => 0))).toEqual([2_000, 4_000, 8_000, undefined])
    expect([0, 1, 2].map((n) => delayBefore(n, error, POLICY, () => 0.999999))).toEqual([2_500, 5_000, 10_000])
  })

  test('no longer than the longest wait', () => {
    const policy = { ...POLICY, attempts: 9, longestDelayMs: 5_000 }
    expect(delayBefore(7, new NetworkError('gone'), policy, () => 0)).toBe(5_000)
  })

  test('as long as the server asks', async () => {
    const notices: RetryNotice[] = []
    const api = new FakeApi([problem(429, {}, { 'retry-after': '7' }), json(200, DEPLOYMENT)])

    await settled(api.client({ onRetry: (notice) => notices.push(notice) }).deployments.getStatus(ID))

    expect(notices).toHaveLength(1)
    expect(notices[0]?.repetition).toBe(1)
    expect(notices[0]?.delayMs).toBeGreaterThanOrEqual(7_000)
    expect(notices[0]?.delayMs).toBeLessThanOrEqual(8_750)
    expect(notices[0]?.error).toBeInstanceOf(RateLimitError)
  })

  test('not at all when the server asks for more than the longest wait', async () => {
    const api = new FakeApi([problem(429, {}, { 'retry-after': '3600' })])

    const outcome = await settled(api.client().deployments.getStatus(ID))

    expect(outcome).toBeInstanceOf(RateLimitError)
    expect((outcome as RateLimitError).retryAfterMs).toBe(3_600_000)
    expect(api.seen).toHaveLength(1)
  })

  test.each([
    ['3', 3_000],
    ['0', 0],
    ['Thu, 01 Jan 1970 00:00:09 GMT', 4_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['-1', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('Retry-After %j is %j ms', (header, expected) => {
    expect(retryAfterMs(header, 5_000)).toBe(expected)
  })
})

test('after all repetitions the last error is thrown', async () => {
  const api = new FakeApi((_, count) => problem(503, { detail: `attempt ${count}` }))

  const outcome = await settled(api.client().deployments.getStatus(ID))

  expect(api.seen).toHaveLength(4)
  expect((outcome as Error).message).toContain('attempt 4')
})

test('repetitions can be switched off for a client and for a call', async () => {
  const api = new FakeApi(() => refused())

  await settled(api.client({ retryAttempts: 0 }).deployments.getStatus(ID))
  await settled(api.client().deployments.getStatus(ID, { retryAttempts: 0 }))

  expect(api.seen).toHaveLength(2)
})

test('an upload is repeated, and no token goes with it', async () => {
  const api = new FakeApi([problem(503), new Response(null, { status: 200 })])

  await settled(api.client().modules.upload('https://bucket.test/x?signed', new Uint8Array([1, 2])))

  expect(api.paths()).toEqual(['PUT /x?signed', 'PUT /x?signed'])
  expect(api.bearers()).toEqual([null, null])
})

test('what a program did wrong itself is not repeated', () => {
  expect(isRepeatable(new TypeError('x is not a function'), { method: 'GET', idempotencyKey: undefined })).toBe(false)
})
