import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OrchestrationClient } from '../src/client.ts'
import { NetworkError } from '../src/errors.ts'
import { DEPLOYMENT, FakeApi, json, problem, refused, settled } from './fake-api.ts'

const ID = DEPLOYMENT.executionId
const event = (seq: number) => ({
  seq,
  type: 'Resumed',
  at: '',
  status: 'Running',
  environment: null,
  wave: null,
  detail: {},
})
const page = (seqs: number[], ended = false) =>
  json(200, { events: seqs.map(event), status: ended ? 'Completed' : 'Running', ended, nextAfter: seqs.at(-1) ?? 0 })

async function seqsOf(watching: AsyncIterable<{ seq: number }>): Promise<number[]> {
  const found: number[] = []
  for await (const { seq } of watching) found.push(seq)
  return found
}

describe('in virtual time', () => {
  beforeEach(() => jest.useFakeTimers())
  afterEach(() => jest.useRealTimers())

  test('gives every event once and in order, across lost, repeated and shuffled answers', async () => {
    const api = new FakeApi([
      page([1, 2]),
      refused(),
      page([2, 4, 3, 3]),
      problem(503),
      problem(502),
      page([]),
      new TypeError('terminated'),
      page([3, 4, 5], true),
    ])

    const found = await settled(seqsOf(api.client({ retryAttempts: 0 }).deployments.watch(ID)))

    expect(found).toEqual([1, 2, 3, 4, 5])
    expect(api.seen.map(({ path }) => new URLSearchParams(path.split('?')[1]).get('after'))).toEqual([
      '0',
      '2',
      '2',
      '4',
      '4',
      '4',
      '4',
      '4',
    ])
  })

  test('begins behind the event it is told', async () => {
    const api = new FakeApi([page([6], true)])

    expect(await seqsOf(api.client().deployments.watch(ID, { after: 5 }))).toEqual([6])
    expect(api.seen[0]?.path).toContain('after=5&waitSeconds=20')
  })

  test('asks at most once a second when the server does not wait', async () => {
    const api = new FakeApi((_, count) => (count <= 10 ? page([]) : page([1], true)))
    const began = Date.now()

    await settled(seqsOf(api.client().deployments.watch(ID)))

    expect(Date.now() - began).toBeGreaterThanOrEqual(10_000)
  })

  test('gives up when nobody answered for as long as it was told', async () => {
    const api = new FakeApi(() => refused())

    const outcome = await settled(
      seqsOf(api.client({ retryAttempts: 0 }).deployments.watch(ID, { giveUpAfter: 30_000 })),
    )

    expect(outcome).toBeInstanceOf(NetworkError)
    expect(api.seen.length).toBeGreaterThanOrEqual(30)
  })

  test.each([401, 403, 404])('does not go on after a %i', async (status) => {
    const api = new FakeApi(() => problem(status))

    expect(await settled(seqsOf(api.client().deployments.watch(ID)))).toMatchObject({ status })
    expect(api.seen).toHaveLength(1)
  })

  test('goes on after a 429', async () => {
    const api = new FakeApi([problem(429), page([1], true)])

    expect(await settled(seqsOf(api.client({ retryAttempts: 0 }).deployments.watch(ID)))).toEqual([1])
  })

  test('ends with its signal, also while it waits', async () => {
    const controller = new AbortController()
    const api = new FakeApi(() => page([]))
    const failed = expect(
      seqsOf(api.client().deployments.watch(ID, { signal: controller.signal })),
    ).rejects.toMatchObject({
      name: 'AbortError',
    })
    await jest.advanceTimersByTimeAsync(100)

    controller.abort()

    await failed
  })

  test('an attempt that waits has that much longer for its answer', async () => {
    const api = new FakeApi(() => 'never')
    const began = Date.now()

    await settled(api.client({ retryAttempts: 0 }).deployments.events(ID, { after: 0, waitSeconds: 20 }))

    expect(Date.now() - began).toBeGreaterThanOrEqual(50_000)
  })

  test('leaving the loop leaves the watch', async () => {
    const api = new FakeApi(() => page([1, 2, 3]))

    for await (const { seq } of api.client().deployments.watch(ID)) if (seq === 2) break

    expect(api.seen).toHaveLength(1)
  })
})

describe('over real connections', () => {
  let server: Server
  afterEach(() => new Promise((resolve) => server.close(resolve)))

  test('a connection that is cut in the middle of an answer loses and doubles nothing', async () => {
    let asked = 0
    server = createServer((request, response) => {
      const after = Number(new URL(request.url ?? '', 'http://x').searchParams.get('after'))
      asked += 1
      const body = JSON.stringify({
        events: after < 6 ? [event(after + 1), event(after + 2)] : [],
        status: 'Running',
        ended: after >= 6,
        nextAfter: after + 2,
      })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      if (asked % 2 === 0) return response.end(body)
      // Every other answer breaks off half way.
      response.write(body.slice(0, body.length / 2), () => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = new OrchestrationClient({ baseUrl: `http://127.0.0.1:${port}`, token: 't', retryDelay: 1 })

    expect(await seqsOf(client.deployments.watch(ID))).toEqual([1, 2, 3, 4, 5, 6])
    expect(asked).toBe(8)
  })
})
