import { mkdirSync, mkdtempSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { SessionFile } from '../../src/cli/kept-session.ts'

const fresh = () => new SessionFile({ XDG_CONFIG_HOME: mkdtempSync(join(tmpdir(), 'hotswap-config-')) })

test('what is written is read, and what was removed is gone', async () => {
  const file = fresh()
  await file.write({ url: 'https://x', username: 'dana' })
  await file.tokenStore().write({ accessToken: 'a' })

  expect(await file.read()).toEqual({ url: 'https://x', username: 'dana', tokens: { accessToken: 'a' } })
  expect(await file.tokenStore().read()).toEqual({ accessToken: 'a' })

  await file.remove()
  expect(await file.read()).toBeUndefined()
  await file.tokenStore().write({ accessToken: 'b' })
  expect(await file.read()).toBeUndefined()
})

test('a file that is not JSON is no session', async () => {
  const file = fresh()
  mkdirSync(dirname(file.path), { recursive: true })
  writeFileSync(file.path, '{')

  expect(await file.read()).toBeUndefined()
})

test('one at a time', async () => {
  const file = fresh()
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside -= 1
  }

  await Promise.all([1, 2, 3].map(() => file.tokenStore().exclusively(work)))

  expect(most).toBe(1)
})

test('a lock that a dead process left is taken', async () => {
  const file = fresh()
  const lock = `${file.path}.lock`
  mkdirSync(lock, { recursive: true })
  utimesSync(lock, new Date(0), new Date(0))

  expect(await file.tokenStore().exclusively(async () => 'done')).toBe('done')
})

test('without a configuration folder it lies below the home', () => {
  expect(new SessionFile({ HOME: '/home/dana' }).path).toBe('/home/dana/.config/hotswap/session.json')
})
