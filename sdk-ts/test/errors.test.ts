import {
  ApiError,
  AuthenticationError,
  ConflictError,
  HotSwapError,
  NetworkError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  ValidationError,
} from '../src/errors.ts'
import { DEPLOYMENT, FakeApi, problem, refused } from './fake-api.ts'

const ID = DEPLOYMENT.executionId

async function errorOf(answer: Response | Error): Promise<ApiError> {
  const client = new FakeApi([answer]).client({ retryAttempts: 0 })
  return client.deployments.getStatus(ID).then(
    () => {
      throw new Error('did not fail')
    },
    (error: ApiError) => error,
  )
}

test.each([
  [400, ValidationError, 'ValidationError'],
  [401, AuthenticationError, 'AuthenticationError'],
  [403, PermissionError, 'PermissionError'],
  [404, NotFoundError, 'NotFoundError'],
  [409, ConflictError, 'ConflictError'],
  [422, ValidationError, 'ValidationError'],
  [429, RateLimitError, 'RateLimitError'],
  [413, ApiError, 'ApiError'],
  [500, ApiError, 'ApiError'],
  [503, ApiError, 'ApiError'],
])('%i is a %p', async (status, kind, name) => {
  const error = await errorOf(problem(status))

  expect(error).toBeInstanceOf(kind)
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toBeInstanceOf(HotSwapError)
  expect([error.name, error.status]).toEqual([name, status])
})

test('a problem tells everything it says', async () => {
  const errors = [{ field: 'version', rule: 'must be a semantic version' }]
  const error = await errorOf(problem(400, { type: '/problems/invalid-input', errors, currentStatus: 'Running' }))

  expect(error.type).toBe('/problems/invalid-input')
  expect(error.title).toBe('Title')
  expect(error.detail).toBe('Detail.')
  expect(error.requestId).toBe('r-1')
  expect(error.fieldErrors).toEqual(errors)
  expect(error.currentStatus).toBe('Running')
  expect(error.message).toBe('400 Title: Detail. (request r-1)')
})

describe('errors that the gateway made become the same', () => {
  const answer = (status: number, body: string | null, headers: Record<string, string>, statusText = '') =>
    new Response(body, { status, headers, statusText })

  test.each<[string, Response, string, string | undefined]>([
    [
      'the gateway',
      answer(403, '{"message":"Missing Authentication Token"}', { 'x-amzn-requestid': 'g-1' }, 'Forbidden'),
      '403 Forbidden: Missing Authentication Token (request g-1)',
      'g-1',
    ],
    [
      'Chalice',
      answer(404, '{"Code":"NotFoundError","Message":"No such thing"}', { 'x-request-id': 'c-1' }),
      '404 HTTP 404: No such thing (request c-1)',
      'c-1',
    ],
    [
      'a proxy, in HTML',
      answer(502, '<html>Bad</html>', { 'content-type': 'text/html' }, 'Bad Gateway'),
      '502 Bad Gateway',
      undefined,
    ],
    [
      'a proxy, in plain text',
      answer(503, 'no healthy upstream\n', { 'content-type': 'text/plain' }),
      '503 HTTP 503: no healthy upstream',
      undefined,
    ],
    ['nobody, with no body', answer(504, null, {}), '504 HTTP 504', undefined],
    [
      'somebody, with JSON that is no object',
      answer(500, '"oh"', { 'content-type': 'application/json' }),
      '500 HTTP 500',
      undefined,
    ],
  ])('%s', async (_, response, message, requestId) => {
    const error = await errorOf(response)

    expect(error.message).toBe(message)
    expect(error.requestId).toBe(requestId)
    expect(error.type).toBe('about:blank')
    expect(error.fieldErrors).toEqual([])
  })
})

test('no answer is a NetworkError that says why', async () => {
  const error = await errorOf(refused())

  expect(error).toBeInstanceOf(NetworkError)
  expect(error.message).toBe(`No answer to GET https://api.test/api/v1/deployments/${ID}: ECONNREFUSED.`)
  expect(error.cause).toBeInstanceOf(TypeError)
})

test('no answer in a browser is one as well', async () => {
  expect((await errorOf(new TypeError('Failed to fetch'))).message).toMatch(/: Failed to fetch\.$/)
})

test('an answer that claims to be JSON and is not is a NetworkError', async () => {
  const broken = new Response('{"execu', { headers: { 'content-type': 'application/json' } })

  const error = await errorOf(broken)

  expect(error).toBeInstanceOf(NetworkError)
  expect(error.message).toContain('is not JSON')
})

describe('options that cannot be meant are refused at once', () => {
  test.each<[object, string]>([
    [{ baseUrl: 'localhost:8000/x y' }, 'baseUrl'],
    [{ baseUrl: '/api' }, 'baseUrl'],
    [{ baseUrl: 'ftp://x' }, 'baseUrl'],
    [{ timeout: 0 }, 'timeout'],
    [{ timeout: Number.NaN }, 'timeout'],
    [{ retryDelay: -1 }, 'retryDelay'],
    [{ retryAttempts: -1 }, 'retryAttempts'],
    [{ retryAttempts: 1.5 }, 'retryAttempts'],
  ])('%j', (options, name) => {
    expect(() => new FakeApi([]).client(options)).toThrow(name)
  })

  test('for a call as for a client', async () => {
    const client = new FakeApi([]).client()

    await expect(client.deployments.getStatus(ID, { timeout: -1 })).rejects.toThrow('timeout')
    await expect(client.deployments.getStatus(ID, { retryAttempts: -1 })).rejects.toThrow('retryAttempts')
    await expect(client.modules.upload('https://x', new Uint8Array(), { timeout: 0 })).rejects.toThrow('timeout')
  })
})

test.each(['https://api.test', 'https://api.test/', 'https://api.test/api/v1', 'https://api.test/api/v1/'])(
  'a base URL may be written as %s',
  async (baseUrl) => {
    const api = new FakeApi([])

    await api.client({ baseUrl }).clusters.get('QA')

    expect(api.paths()).toEqual(['GET /api/v1/clusters/QA'])
  },
)
