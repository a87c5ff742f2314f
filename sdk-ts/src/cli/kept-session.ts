import { chmod, mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { pause } from '../http/waiting.ts'
import type { KeptTokens, TokenStore } from '../session.ts'

/** What `hotswap login` leaves for the commands that follow. */
export interface KeptSession {
  readonly url: string
  readonly username?: string | undefined
  readonly tokens?: KeptTokens | undefined
}

const LOCK_IS_STALE_MS = 30_000

/** The file of the session, which only its owner may read. Tokens end by themselves; the password is not kept. */
export class SessionFile {
  readonly path: string

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.path = join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'hotswap', 'session.json')
  }

  async read(): Promise<KeptSession | undefined> {
    try {
      return JSON.parse(await readFile(this.path, 'utf8')) as KeptSession
    } catch {
      // None yet, or one that cannot be read: both mean that nobody is logged in.
      return undefined
    }
  }

  async write(session: KeptSession): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    const next = `${this.path}.${process.pid}`
    await writeFile(next, `${JSON.stringify(session, null, 2)}\n`, { mode: 0o600 })
    await chmod(next, 0o600)
    await rename(next, this.path)
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  /** The session's tokens as the client wants them; another process that renews them at the same time waits. */
  tokenStore(): TokenStore {
    return {
      read: async () => (await this.read())?.tokens,
      write: async (tokens) => {
        const session = await this.read()
        if (session !== undefined) await this.write({ ...session, tokens })
      },
      exclusively: (work) => this.#exclusively(work),
    }
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = `${this.path}.lock`
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    while (!(await taken(lock))) {
      if (await isStale(lock)) await rmdir(lock).catch(() => {})
      else await pause(50)
    }
    try {
      return await work()
    } finally {
      await rmdir(lock).catch(() => {})
    }
  }
}

async function taken(lock: string): Promise<boolean> {
  try {
    await mkdir(lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function isStale(lock: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(lock)).mtimeMs > LOCK_IS_STALE_MS
  } catch {
    return false
  }
}
