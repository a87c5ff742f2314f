import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { bringTo, clientOf, facts, MODULE, PACKAGE, type Ran, ran } from '../here.ts'

const CLI = join(PACKAGE, 'dist/cli.mjs')
const PTY = join(__dirname, 'terminal.py')
const home = mkdtempSync(join(tmpdir(), 'hotswap-live-home-'))
const { url, passwords } = facts()
const envOf = (user: string): NodeJS.ProcessEnv => ({
  ...process.env,
  HOME: home,
  XDG_CONFIG_HOME: join(home, user),
  HOTSWAP_URL: url,
  TERM: 'xterm',
  NO_COLOR: undefined,
  FORCE_COLOR: undefined,
})

/** A command without a terminal. */
const hotswap = (user: string, ...words: string[]) => ran(process.execPath, [CLI, ...words], { env: envOf(user) })

/** A command on a terminal, with what is typed when it asks. */
function onTerminal(user: string, words: string[], typed: string[] = []): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn('python3', [PTY, '50', '110', process.execPath, CLI, ...words], { env: envOf(user) })
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.once('close', (code) => resolve({ code, out, err: '' }))
    child.stdin.end(typed.map((line) => `${line}\n`).join(''))
  })
}

/** The last picture that was drawn over itself. */
const lastView = (out: string) => stripVTControlCharacters(out.split('\u001b[J').at(-1) ?? '')

beforeAll(async () => {
  await bringTo('1.0.0')
  for (const user of ['ada', 'dana', 'amal']) {
    const { code, out } = await onTerminal(user, ['login'], [user, passwords[user] ?? ''])
    expect(out).toContain(`Logged in to ${url} as ${user}`)
    expect(out).not.toContain(passwords[user])
    expect(code).toBe(0)
  }
})

test('a deployment is watched on a terminal until it has completed', async () => {
  const { code, out } = await onTerminal('dana', ['deploy', MODULE, '2.0.0', 'prod', '--watch'])
  const view = lastView(out)

  console.log(view)
  expect(code).toBe(0)
  expect(out).toContain('\u001b[?25l')
  expect(out.endsWith('\u001b[?25h')).toBe(true)
  expect(view).toMatch(/payment-processor 2\.0\.0 → Production {3}Completed/)
  expect(view).toContain('✔ wave 2  deploy 9 nodes')
  expect(stripVTControlCharacters(out)).toContain('baking █')
})

test('what has completed is rolled back, in plain lines, and ends with 0', async () => {
  const { code, out } = await hotswap('dana', 'rollback', 'latest', '--reason', 'a test', '--watch')

  expect(code).toBe(0)
  expect(out).toContain('rollback asked for by dana')
  expect(out).toMatch(/Completed\n$/)
})

test('a rejection ends with 3, an expression of JSON a line', async () => {
  const deploying = hotswap('dana', 'deploy', MODULE, '2.1.0', 'dev', '--require-approval', '--watch', '--json')
  const amal = clientOf('amal')
  for (let pending = 0; pending === 0; ) pending = (await amal.approvals.listPending()).items.length
  const [line = ''] = (await hotswap('amal', 'approvals')).out.split('\n').slice(1)
  expect((await hotswap('amal', 'reject', line.split(' ')[0] ?? '', '-m', 'Monday')).out).toContain('Rejected')
  const { code, out } = await deploying

  expect(code).toBe(3)
  const events = out
    .trim()
    .split('\n')
    .map((each) => JSON.parse(each))
  expect(events.at(-1)).toMatchObject({ type: 'DeploymentEnded', detail: { status: 'Rejected' } })
})

test('a folder is pushed, signed with a key of ours, and is the same bytes in every time zone', async () => {
  const folder = join(home, 'module')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'hotswap.json'),
    JSON.stringify({ name: 'pushed-module', version: '1.0.0', command: ['true'] }),
  )
  const key = join(home, 'key.pem')
  const pair = generateKeyPairSync('ed25519')
  writeFileSync(key, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')
  await clientOf('ada').signingKeys.add({ publicKey, owner: 'dana' })
  const digests = await Promise.all(
    ['Pacific/Auckland', 'America/New_York'].map(async (TZ) => {
      const { out } = await ran(process.execPath, [CLI, 'modules', 'push', folder, '--dry-run', '--json'], {
        env: { ...envOf('dana'), TZ },
      })
      return JSON.parse(out).digest
    }),
  )
  expect(digests[0]).toBe(digests[1])

  const { code, out } = await onTerminal('dana', ['modules', 'push', folder, '--key', key])

  expect(stripVTControlCharacters(out)).toContain('100 % of')
  expect(out).toContain('pushed-module 1.0.0 is registered, signed with ed25519:')
  expect(code).toBe(0)
  expect((await hotswap('dana', 'modules', 'pushed-module')).out).toContain(digests[0].slice(7, 19))
})

test('policies, nodes, the audit, the plan, the line', async () => {
  expect((await hotswap('ada', 'policy', 'set', 'qa', 'queueLimit=9')).code).toBe(0)
  expect((await hotswap('ada', 'policy', 'get', 'qa')).out).toContain('queueLimit=9')
  expect((await hotswap('ada', 'nodes', 'cordon', 'qa', 'qa-01')).out).toContain('qa-01 is Cordoned')
  expect((await hotswap('ada', 'nodes', 'uncordon', 'qa', 'qa-01')).out).toContain('Active')
  expect((await hotswap('ada', 'audit', 'verify')).out).toContain('The audit is whole')
  expect((await hotswap('dana', 'plan', MODULE, '2.1.0', 'prod')).out).toContain('wave 2')
  expect((await hotswap('dana', 'line')).out).toContain('The line is running')
  expect((await hotswap('dana', 'clusters')).out).toContain('Production')
})

test('what may not be done says who may, and ends with 1', async () => {
  const { code, err } = await hotswap('dana', 'policy', 'set', 'qa', 'queueLimit=8')

  expect(code).toBe(1)
  expect(err).toContain('hotswap whoami')
})

test('nobody listens: it says where it looked', async () => {
  const { code, err } = await ran(process.execPath, [CLI, 'whoami'], {
    env: { ...envOf('dana'), HOTSWAP_URL: 'http://127.0.0.1:1' },
  })

  expect(code).toBe(1)
  expect(err).toContain('Is HotSwap at http://127.0.0.1:1?')
})
