import { ApiError, AuthenticationError, HotSwapError } from '../src/errors.ts'
import type { KeptTokens, TokenStore } from '../src/session.ts'
import { DEPLOYMENT, FakeApi, json, problem, type Seen } from './fake-api.ts'

const ID = DEPLOYMENT.executionId
const credentials = { username: 'dana', password: 'secret' }
const START = Date.parse('2026-11-21T12:00:00Z')

beforeEach(() => jest.useFakeTimers({ now: START, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }))
afterEach(() => jest.useRealTimers())

/** An API with users: hands out `access-1`, `access-2`, …, and takes the newest only. */
class Door {
  issued = 0
  readonly refused = new Set<string>()
  livesMs = 15 * 60_000
  onRefresh: () => Response | Promise<Response> | undefined = () => undefined
  readonly api = new FakeApi((seen) => this.#answer(seen))

  tokens(jwt = false) {
    this.issued += 1
    const payload = btoa(JSON.stringify({ iat: 1_000, exp: 1_000 + this.livesMs / 1000 }))
    return {
      tokenType: 'Bearer',
      accessToken: jwt ? `h.${payload}.s${this.issued}` : `access-${this.issued}`,
      expiresAt: new Date(Date.now() + this.livesMs).toISOString(),
      refreshToken: `refresh-${this.issued}`,
      sessionExpiresAt: new Date(Date.now() + 86_400_000).toISOString(),
      user: { username: 'dana', roles: ['Deployer'] },
    }
  }

  async #answer(seen: Seen): Promise<Response> {
    if (seen.path.endsWith('/login')) return json(200, this.tokens())
    if (seen.path.endsWith('/refresh')) return (await this.onRefresh()) ?? json(200, this.tokens())
    if (seen.path.endsWith('/logout')) return new Response(null, { status: 204 })
    const token = seen.headers.get('authorization')?.replace('Bearer ', '') ?? ''
    return token === '' || this.refused.has(token) ? problem(401) : json(200, { ...DEPLOYMENT, token })
  }

  client(options = {}) {
    return this.api.client({ token: undefined, credentials, retryAttempts: 0, ...options })
  }
}

test('authenticate logs in and tells who it is', async () => {
  const door = new Door()

  const user = await door.client().authenticate()

  expect(user).toEqual({ username: 'dana', roles: ['Deployer'] })
  expect(door.api.seen[0]?.body).toEqual(credentials)
  expect(door.api.bearers()).toEqual([null])
})

test('without authenticate the first call logs in, and calls at the same time wait for that one login', async () => {
  const door = new Door()
  const client = door.client()

  await Promise.all([1, 2, 3].map(() => client.deployments.getStatus(ID)))

  expect(door.api.paths().filter((path) => path.endsWith('/login'))).toHaveLength(1)
  expect(door.api.bearers()).toEqual([null, 'Bearer access-1', 'Bearer access-1', 'Bearer access-1'])
})

test('a token is renewed before it expires, once for calls at the same time', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  jest.setSystemTime(START + 14 * 60_000 + 1)

  await Promise.all([1, 2, 3].map(() => client.deployments.getStatus(ID)))

  expect(door.api.paths().filter((path) => path.endsWith('/refresh'))).toHaveLength(1)
  expect(door.api.seen[1]?.body).toEqual({ refreshToken: 'refresh-1' })
  expect(door.api.bearers().slice(2)).toEqual(['Bearer access-2', 'Bearer access-2', 'Bearer access-2'])
})

test('a token with more than a minute left is used as it is', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  jest.setSystemTime(START + 13 * 60_000)

  await client.deployments.getStatus(ID)

  expect(door.api.paths()).toHaveLength(2)
})

test('a clock that is an hour fast renews no sooner, because the token says how long it lives', async () => {
  const door = new Door()
  const api = new FakeApi((seen) =>
    seen.path.endsWith('/login')
      ? json(200, { ...door.tokens(true), expiresAt: new Date(START - 3_600_000 + door.livesMs).toISOString() })
      : json(200, DEPLOYMENT),
  )
  const client = api.client({ token: undefined, credentials })

  await client.deployments.getStatus(ID)
  await client.deployments.getStatus(ID)

  expect(api.paths().filter((path) => path.includes('/authentication/'))).toEqual(['POST /api/v1/authentication/login'])
})

test('a token that is refused all the same is renewed once, for all calls it was refused to', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  door.refused.add('access-1')

  const found = await Promise.all([1, 2, 3].map(() => client.deployments.getStatus(ID)))

  expect(door.api.paths().filter((path) => path.endsWith('/refresh'))).toHaveLength(1)
  expect(found.map((each) => (each as unknown as { token: string }).token)).toEqual([
    'access-2',
    'access-2',
    'access-2',
  ])
})

test('a call whose token was replaced while it was on its way takes the new one without renewing again', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  door.refused.add('access-1')
  await client.deployments.getStatus(ID)
  // A late 401 for the old token.
  let isFirst = true
  const late = new FakeApi((seen) => {
    if (seen.path.endsWith('/login')) return json(200, door.tokens())
    if (seen.path.endsWith('/refresh')) return json(200, door.tokens())
    const answer = isFirst ? problem(401) : json(200, DEPLOYMENT)
    isFirst = false
    return answer
  })
  const other = late.client({ token: undefined, credentials, retryAttempts: 0 })

  await other.deployments.getStatus(ID)

  expect(late.paths().map((path) => path.split('/').at(-1))).toEqual(['login', ID, 'refresh', ID])
})

test('a call that is refused twice fails, and is not tried a third time', async () => {
  const door = new Door()
  door.refused.add('access-1').add('access-2')

  await expect(door.client().deployments.getStatus(ID)).rejects.toBeInstanceOf(AuthenticationError)

  expect(door.api.paths().map((path) => path.split('/').at(-1))).toEqual(['login', ID, 'refresh', ID])
})

test('when the session has ended it logs in anew', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  door.onRefresh = () => problem(401)
  door.refused.add('access-1')

  await client.deployments.getStatus(ID)

  expect(door.api.paths().map((path) => path.split('/').at(-1))).toEqual(['login', ID, 'refresh', 'login', ID])
})

test('when renewing fails for a moment, the token that is still good is used', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  door.onRefresh = () => problem(503)
  jest.setSystemTime(START + 14.5 * 60_000)

  await client.deployments.getStatus(ID)

  expect(door.api.bearers().at(-1)).toBe('Bearer access-1')
})

test('when renewing fails and the token is over, the call fails with the reason', async () => {
  const door = new Door()
  const client = door.client()
  await client.authenticate()
  door.onRefresh = () => problem(503)
  jest.setSystemTime(START + 16 * 60_000)

  await expect(client.deployments.getStatus(ID)).rejects.toMatchObject({ status: 503 })
  await expect(client.deployments.getStatus(ID)).rejects.toBeInstanceOf(ApiError)
})

test('a token that was given is sent as it is, and nothing else is tried when it is refused', async () => {
  const door = new Door()
  const client = door.api.client({ token: 'given', retryAttempts: 0 })

  await client.deployments.getStatus(ID)
  door.refused.add('given')

  await expect(client.deployments.getStatus(ID)).rejects.toBeInstanceOf(AuthenticationError)
  expect(door.api.bearers()).toEqual(['Bearer given', 'Bearer given'])
})

test('a function is asked for a token at every call, and once more when it is refused', async () => {
  const door = new Door()
  door.refused.add('oidc-1')
  let asked = 0
  const client = door.api.client({ token: async () => `oidc-${++asked}`, retryAttempts: 0 })

  await client.deployments.getStatus(ID)

  expect(door.api.bearers()).toEqual(['Bearer oidc-1', 'Bearer oidc-2'])
})

test('a function that gives the same token again is not believed twice', async () => {
  const door = new Door()
  door.refused.add('stale')

  await expect(
    door.api.client({ token: () => 'stale', retryAttempts: 0 }).deployments.getStatus(ID),
  ).rejects.toBeInstanceOf(AuthenticationError)
  expect(door.api.seen).toHaveLength(1)
})

test('an identity token is exchanged, and again when the session it made has ended', async () => {
  let issued = 0
  const api = new FakeApi(({ path }) => {
    if (!path.endsWith('/exchange')) return json(200, DEPLOYMENT)
    issued += 1
    return json(200, { accessToken: `x-${issued}`, expiresAt: new Date(Date.now() + 900_000).toISOString(), user: {} })
  })
  const client = api.client({ token: undefined, identityToken: async () => 'oidc' })

  await client.authenticate()
  await client.deployments.getStatus(ID)
  jest.setSystemTime(START + 15 * 60_000)
  await client.deployments.getStatus(ID)

  expect(api.bearers()).toEqual([null, 'Bearer x-1', null, 'Bearer x-2'])
  expect(api.seen[0]?.body).toEqual({ idToken: 'oidc' })
})

test('setToken replaces what there was; without a token nothing is sent', async () => {
  const door = new Door()
  const client = door.client({ credentials: undefined })
  client.setToken('mine')
  await client.deployments.getStatus(ID)
  client.setToken(undefined)

  await expect(client.deployments.getStatus(ID)).rejects.toBeInstanceOf(AuthenticationError)
  expect(door.api.bearers()).toEqual(['Bearer mine', null])
})

test('logging in by hand is for the whole client, and logging out ends it', async () => {
  const door = new Door()
  const client = door.client({ credentials: undefined })

  const tokens = await client.auth.login(credentials)
  await client.deployments.getStatus(ID)
  await client.auth.logout()

  expect(tokens.accessToken).toBe('access-1')
  await expect(client.deployments.getStatus(ID)).rejects.toBeInstanceOf(AuthenticationError)
})

test('authenticate without credentials says what is missing', async () => {
  await expect(new Door().client({ credentials: undefined }).authenticate()).rejects.toThrow(HotSwapError)
})

test('a token store is read, written, and held while renewing', async () => {
  const door = new Door()
  const told: string[] = []
  let kept: KeptTokens | undefined = {
    accessToken: 'old',
    refreshToken: 'refresh-0',
    expiresAt: new Date(START).toISOString(),
  }
  const tokenStore: TokenStore = {
    read: async () => kept,
    write: async (tokens) => {
      kept = tokens
      told.push('written')
    },
    exclusively: async (work) => {
      told.push('taken')
      const result = await work()
      told.push('given back')
      return result
    },
  }

  await door.client({ credentials: undefined, tokenStore }).deployments.getStatus(ID)

  expect(told).toEqual(['taken', 'written', 'given back'])
  expect(kept).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' })
})

test('tokens that another process renewed meanwhile are taken from the store', async () => {
  const door = new Door()
  const fresh = { accessToken: 'theirs', refreshToken: 'r', expiresAt: new Date(START + 600_000).toISOString() }
  let kept: KeptTokens = { accessToken: 'old', refreshToken: 'refresh-0', expiresAt: new Date(START).toISOString() }
  const tokenStore: TokenStore = {
    read: async () => kept,
    write: async () => {},
    exclusively: async (work) => {
      kept = fresh
      return work()
    },
  }

  await door.client({ credentials: undefined, tokenStore }).deployments.getStatus(ID)

  expect(door.api.paths()).toEqual([`GET /api/v1/deployments/${ID}`])
  expect(door.api.bearers()).toEqual(['Bearer theirs'])
})
