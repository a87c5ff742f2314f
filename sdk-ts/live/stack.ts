import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// The tests of a package run in its folder, which lies in the repository's.
const REPOSITORY = join(process.cwd(), '..')
const NODES = 19
const START_MS = 180_000

/** A running stack, as `make run` starts it, on ports and with a folder of its own. */
export interface Stack {
  readonly url: string
  readonly site: string
  readonly passwords: Readonly<Record<string, string>>
  readonly folder: string
  stop(): Promise<void>
}

/** Starts what `make run` starts, without traffic unless told; `HOTSWAP_LIVE_STACK=URL FOLDER` uses one that runs already. */
export async function startStack({ traffic = false } = {}): Promise<Stack> {
  const running = process.env['HOTSWAP_LIVE_STACK']?.split(' ')
  if (running?.[0] && running[1]) return { ...seen(running[0], running[1]), stop: async () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'hotswap-live-'))
  const [api, emulator, site, nodes] = await freePorts()
  const child = spawn(
    join(REPOSITORY, '.venv/bin/python'),
    ['-u', '-m', 'infra.local.run', ...(traffic ? [] : ['--no-traffic']), '--data-dir', folder],
    {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        HOTSWAP_API_PORT: String(api),
        HOTSWAP_EMULATOR_PORT: String(emulator),
        HOTSWAP_NODE_PORT: String(nodes),
        HOTSWAP_CORS_ORIGINS: `http://127.0.0.1:${site}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  await ready(child).catch(async (error: unknown) => {
    await ended(child)
    throw error
  })
  const stop = async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...seen(`http://127.0.0.1:${api}`, folder, site), stop }
}

function seen(url: string, folder: string, site = 18002) {
  const passwords = JSON.parse(readFileSync(join(folder, 'users.json'), 'utf8')) as Record<string, string>
  return { url, site: `http://127.0.0.1:${site}`, passwords, folder }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let out = ''
    const fail = (why: string) => reject(new Error(`The stack ${why}. It said:\n${out.slice(-4_000)}`))
    const timer = setTimeout(() => fail(`is not up after ${START_MS / 1000} s`), START_MS)
    const read = (chunk: Buffer) => {
      out += chunk
      if (!out.includes('HotSwap is running')) return
      clearTimeout(timer)
      resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with ${code}`)
    })
  })
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve()
    const last = setTimeout(() => child.kill('SIGKILL'), 30_000)
    child.once('exit', () => {
      clearTimeout(last)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** Three free ports, and the first of as many as there are nodes; below where the system takes its own from. */
async function freePorts(): Promise<[number, number, number, number]> {
  for (let first = 20_000 + (process.pid % 90) * 100; first < 29_900; first += 100) {
    const wanted = Array.from({ length: NODES + 3 }, (_, index) => first + index)
    const free = await Promise.all(wanted.map(isFree))
    if (free.every(Boolean)) return [first, first + 1, first + 2, first + 3]
  }
  throw new Error(`There are no ${NODES + 3} free ports in a row between 20000 and 29999.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
