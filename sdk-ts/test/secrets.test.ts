import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { OrchestrationClient } from '../src/client.ts'
import { DEPLOYMENT, FakeApi, json, problem, refused } from './fake-api.ts'

/** What a caller trusts the client with, and what is made of it: row M05 of docs/security.md. */
const PASSWORD = 'canary-password'
const TOKEN = 'canary-token'
const SECRET = /canary/
const ID = DEPLOYMENT.executionId

const servers: Server[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))))

/** A server on this machine that answers as told, and keeps what it was sent. */
async function listening(status: number, headers: () => Record<string, string>) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    request.on('data', (part: Buffer) => seen.push(part.toString()))
    request.on('end', () => {
      seen.push(JSON.stringify(request.headers))
      response.writeHead(status, headers()).end('{}')
    })
  })
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

function shown(value: unknown): string {
  const options = { depth: 20, showHidden: true, getters: true }
  return [inspect(value, options), String(value), JSON.stringify(value), (value as Error).stack ?? ''].join('\n')
}

async function errorOf(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: Error) => error,
  )
}

test.each([301, 302, 303, 307, 308])(
  'm05 neither token nor password follows a redirect of status %i',
  async (status) => {
    const elsewhere = await listening(200, () => ({ 'content-type': 'application/json' }))
    const api = await listening(status, () => ({ location: `${elsewhere.url}/api/v1/authentication/login` }))
    const options = { baseUrl: api.url, retryAttempts: 0 }

    await errorOf(new OrchestrationClient({ ...options, token: TOKEN }).deployments.getStatus(ID))
    const error = await errorOf(
      new OrchestrationClient({ ...options, credentials: { username: 'dana', password: PASSWORD } }).authenticate(),
    )

    expect(api.seen.join()).toMatch(SECRET)
    expect(elsewhere.seen).toEqual([])
    expect(shown(error)).not.toMatch(SECRET)
  },
)

test.each([
  'http://hotswap.example.com',
  'http://10.0.0.7:8000',
  'http://127.0.0.1.example.com',
  'http://localhost.evil',
])('m05 nothing is sent without TLS to %s', (baseUrl) => {
  const api = new FakeApi([])

  expect(() => api.client({ baseUrl })).toThrow('https://')
  expect(api.seen).toEqual([])
})

test.each(['http://127.0.0.1:8000', 'http://localhost:8000', 'http://[::1]:8000'])(
  'm05 this machine may be reached without it: %s',
  (baseUrl) => {
    expect(() => new FakeApi([]).client({ baseUrl })).not.toThrow()
  },
)

test('m05 a base URL holds no password', () => {
  expect(() => new FakeApi([]).client({ baseUrl: `https://dana:${PASSWORD}@api.test` })).toThrow(/^(?!.*canary)/)
})

test('m05 no secret is in an address', async () => {
  const api = new FakeApi((seen) =>
    seen.path.endsWith('/login') ? json(200, { accessToken: TOKEN, refreshToken: TOKEN }) : json(200, DEPLOYMENT),
  )
  const client = api.client({ token: undefined, credentials: { username: 'dana', password: PASSWORD } })

  await client.deployments.getStatus(ID)
  await client.auth.logout()

  expect(api.paths().join()).not.toMatch(SECRET)
  expect(api.bearers()).toContain(`Bearer ${TOKEN}`)
})

test.each([
  ['401', () => problem(401)],
  ['500', () => problem(500)],
  ['no JSON', () => new Response('<html>', { headers: { 'content-type': 'application/json' } })],
  ['a lost answer', refused],
])('m05 an error tells nothing of what was sent: %s', async (_, answer) => {
  const options = { token: undefined, credentials: { username: 'dana', password: PASSWORD }, retryAttempts: 0 }
  const atLogin = await errorOf(new FakeApi(() => answer()).client(options).authenticate())
  const atCall = await errorOf(
    new FakeApi(() => answer()).client({ token: TOKEN, retryAttempts: 0 }).deployments.getStatus(ID),
  )

  expect(shown(atLogin)).not.toMatch(SECRET)
  expect(shown(atCall)).not.toMatch(SECRET)
})

test('m05 an upload that fails does not tell its signed link', async () => {
  const link = 'https://bucket.test/artifacts/1?X-Amz-Signature=canary'
  const options = { retryAttempts: 0 }

  const error = await errorOf(new FakeApi(() => refused()).client(options).modules.upload(link, new Uint8Array([1])))

  expect(shown(error)).not.toMatch(SECRET)
})

test('m05 a client shows none of its secrets', async () => {
  const api = new FakeApi(() => json(200, { accessToken: TOKEN, refreshToken: TOKEN }))
  const client = api.client({ token: undefined, credentials: { username: 'dana', password: PASSWORD } })
  await client.authenticate()

  expect(shown(client)).not.toMatch(SECRET)
  expect(shown(new FakeApi([]).client({ token: TOKEN }))).not.toMatch(SECRET)
})
