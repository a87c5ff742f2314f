import { type SpawnOptions, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OrchestrationClient } from '../src/client.ts'
import type { ClientOptions } from '../src/options.ts'

export const ENVIRONMENTS = ['Development', 'QA', 'Staging', 'Production'] as const
export const PACKAGE = join(__dirname, '..')
export const MODULE = 'payment-processor'

interface Facts {
  readonly url: string
  readonly site: string
  readonly folder: string
  readonly passwords: Readonly<Record<string, string>>
}

/** Where the stack of these tests is. */
export function facts(): Facts {
  return JSON.parse(readFileSync(process.env['HOTSWAP_LIVE_FACTS'] ?? '', 'utf8')) as Facts
}

/** The API as one of the users of `make run`: ada (Admin), dana (Deployer), amal (Approver), vic (Viewer). */
export function clientOf(username: string, options: Partial<ClientOptions> = {}): OrchestrationClient {
  const { url, passwords } = facts()
  return new OrchestrationClient({
    baseUrl: url,
    credentials: { username, password: passwords[username] ?? '' },
    retryDelay: 200,
    ...options,
  })
}

/** What the environment of a process says of the stack and the user. */
export function environmentOf(username: string): NodeJS.ProcessEnv {
  const { url, passwords } = facts()
  return {
    ...process.env,
    HOTSWAP_URL: url,
    HOTSWAP_USERNAME: username,
    HOTSWAP_PASSWORD: passwords[username] ?? '',
    NODE_NO_WARNINGS: '1',
  }
}

/** Lets every environment run a version, whatever ran there before. */
export async function bringTo(version: string): Promise<void> {
  const dana = clientOf('dana')
  const asked = { moduleName: MODULE, version, targetEnvironment: 'Production', allowDowngrade: true } as const
  const { executionId } = await dana.deployments.create(asked)
  const { status, error } = await dana.deployments.waitForCompletion(executionId, 500)
  if (status !== 'Completed')
    throw new Error(`${version} did not come to every environment: ${status} ${error?.message}`)
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a program to its end. */
export function ran(command: string, words: readonly string[], options: SpawnOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...words], { cwd: PACKAGE, ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout?.on('data', (chunk) => {
      out += chunk
    })
    child.stderr?.on('data', (chunk) => {
      err += chunk
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
    child.stdin?.end()
  })
}
