import { json } from '../fake-api.ts'
import { Terminal } from './terminal.ts'

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
