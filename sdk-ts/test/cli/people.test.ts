import { writeFileSync } from 'node:fs'
import { json } from '../fake-api.ts'
import { AT, node } from './records.ts'
import { Terminal } from './terminal.ts'

const ERIN = {
  username: 'erin',
  email: null,
  roles: ['Approver'],
  environments: ['Production'],
  status: 'Active',
  mustChangePassword: false,
  createdBy: 'ada',
  createdAt: AT,
  lockedUntil: null,
}
const GITHUB = { name: 'github', url: 'https://ci.example.com', audience: 'hotswap', rules: [{ claims: {} }] }

describe('users', () => {
  test('are listed with what they may be, and who is locked out', async () => {
    const locked = { ...ERIN, username: 'gus', environments: [], lockedUntil: AT }
    const terminal = new Terminal(() => json(200, { users: [ERIN, locked], cursor: null }))

    await terminal.run('users')

    expect(terminal.out).toContain('erin  Approver  Production  Active')
    expect(terminal.out).toContain(`gus   Approver  everywhere  locked until ${AT}`)
  })

  test('a temporary password is printed alone, to be piped on', async () => {
    const terminal = new Terminal(() => json(201, { user: ERIN, temporaryPassword: 'once', expiresAt: AT }))

    await terminal.run('users', 'add', 'erin', '--role', 'approver', '--environment', 'prod', '--email', 'e@f.de')

    expect(terminal.api.seen[0]?.body).toEqual({
      username: 'erin',
      roles: ['Approver'],
      environments: ['Production'],
      email: 'e@f.de',
    })
    expect(terminal.out).toBe('once\n')
    expect(terminal.err).toContain('not shown again')
    await terminal.run('users', 'reset', 'erin', '-m', 'forgot')
    expect(terminal.out).toBe('once\n')
    expect(terminal.api.seen[1]?.body).toEqual({ reason: 'forgot' })
  })

  test.each<[string, string, string, unknown]>([
    [
      'users access erin --role Viewer --role admin',
      'PUT',
      '/api/v1/users/erin/access',
      { roles: ['Viewer', 'Admin'], environments: [] },
    ],
    ['users disable erin -m left', 'POST', '/api/v1/users/erin/disable', { reason: 'left' }],
    ['users enable erin', 'POST', '/api/v1/users/erin/enable', {}],
    ['users unlock erin', 'POST', '/api/v1/users/erin/unlock', {}],
  ])('hotswap %s', async (line, method, path, body) => {
    const terminal = new Terminal(() => json(200, ERIN))

    expect(await terminal.run(...line.split(' '))).toBe(0)

    expect(terminal.api.paths()).toEqual([`${method} ${path}`])
    expect(terminal.api.seen[0]?.body).toEqual(body)
    expect(terminal.out).toContain('erin')
  })
})

describe('issuers', () => {
  test('are listed, and nobody is said to be trusted where nobody is', async () => {
    const terminal = new Terminal([json(200, { issuers: [GITHUB] }), json(200, { issuers: [] })])

    await terminal.run('issuers')
    expect(terminal.out).toContain('github  https://ci.example.com  hotswap   1')
    await terminal.run('issuers')

    expect(terminal.out).toBe('No issuer is trusted.\n')
  })

  test('are trusted as a file says, and distrusted by name', async () => {
    const terminal = new Terminal(({ method }) =>
      method === 'DELETE' ? new Response(null, { status: 204 }) : json(201, GITHUB),
    )
    writeFileSync(`${terminal.home}/github.json`, JSON.stringify(GITHUB))

    expect(await terminal.run('issuers', 'trust', `${terminal.home}/github.json`)).toBe(0)
    expect(await terminal.run('issuers', 'distrust', 'github', '-m', 'moved')).toBe(0)

    expect(terminal.api.paths()).toEqual(['POST /api/v1/issuers', 'DELETE /api/v1/issuers/github'])
    expect(terminal.api.seen[0]?.body).toEqual(GITHUB)
  })
})

describe('nodes', () => {
  test('show what has become of them', async () => {
    const change = { seq: 2, at: AT, what: 'Cordoned', reason: 'new disk', by: 'ada' }
    const terminal = new Terminal([json(200, { nodes: [node('production-01')] }), json(200, { changes: [change] })])

    expect(await terminal.run('nodes', 'history', 'prod', 'production-01')).toBe(0)

    expect(terminal.out).toContain(`${AT}  Cordoned  ada  new disk`)
  })

  test.each([
    [['zone=b', 'disk=ssd'], { zone: 'b', disk: 'ssd' }, 'production-01: zone=b, disk=ssd\n'],
    [[], {}, 'production-01: no labels\n'],
  ])('get exactly the labels %j', async (words, labels, told) => {
    const changed = { ...node('production-01'), labels }
    const terminal = new Terminal([json(200, { nodes: [node('production-01')] }), json(200, changed)])

    await terminal.run('nodes', 'label', 'prod', 'production-01', ...words)

    expect(terminal.api.seen[1]?.body).toEqual({ labels })
    expect(terminal.out).toBe(told)
  })
})

test.each([
  ['users add erin', 'Say what they may be'],
  ['users access erin --role Owner', '"Owner" is none of Viewer'],
  ['issuers trust /nowhere.json', 'cannot be read as JSON'],
])('hotswap %s is not understood and asks the API nothing', async (line, told) => {
  const terminal = new Terminal()

  expect(await terminal.run(...line.split(' '))).toBe(64)
  expect(terminal.err).toContain(told)
  expect(terminal.api.seen).toEqual([])
})
