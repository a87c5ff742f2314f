import { readFile } from 'node:fs/promises'
import type { CreateDeployment, DeploymentStatus, Environment } from '../types.ts'
import { END_STATUSES } from '../types.ts'
import { type Context, textOf, type Values } from './command.ts'
import { UsageError } from './exit.ts'

export const ENVIRONMENTS = ['Development', 'QA', 'Staging', 'Production'] as const satisfies readonly Environment[]
export const STATUSES = [
  'Pending',
  'PendingApproval',
  'Queued',
  'Running',
  'Paused',
  'RollingBack',
  ...END_STATUSES,
] as const

/** An environment by its name or the beginning of it: `prod`, `dev`, `QA`. */
export function environmentOf(text: string): Environment {
  const found = ENVIRONMENTS.filter((each) => each.toLowerCase().startsWith(text.toLowerCase()))
  if (found.length !== 1 || found[0] === undefined)
    throw new UsageError(`${JSON.stringify(text)} is none of ${ENVIRONMENTS.join(', ')}.`)
  return found[0]
}

export function statusOf(text: string): DeploymentStatus {
  const found = STATUSES.find((each) => each.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw new UsageError(`${JSON.stringify(text)} is none of ${STATUSES.join(', ')}.`)
  return found
}

export function numberOf(text: string | undefined, name: string, standard: number): number {
  if (text === undefined) return standard
  if (!/^\d+$/.test(text) || Number(text) < 1)
    throw new UsageError(`--${name} must be a whole number from 1 up, not ${JSON.stringify(text)}.`)
  return Number(text)
}

/** `key=value` pairs. */
export function pairsOf(texts: readonly string[], name: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw new UsageError(`--${name} must be KEY=VALUE, not ${JSON.stringify(text)}.`)
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

/** A value of an option: JSON where it is, else text. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** An instant, or how long from now: `90m`, `12h`, `3d`. */
export function instantOf(text: string, name: string, now: number): string {
  const [, amount, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  const at = unit === undefined ? Date.parse(text) : now + Number(amount) * UNITS[unit as keyof typeof UNITS]
  const isInstant = unit !== undefined || /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/.test(text)
  if (!isInstant || Number.isNaN(at))
    throw new UsageError(
      `--${name} must be an instant such as 2026-12-01T08:00:00Z, or 90m, 12h, 3d, not ${JSON.stringify(text)}.`,
    )
  return new Date(at).toISOString()
}

/** The id a command is for: itself, or the newest deployment for `latest`. */
export async function executionIdOf(operand: string | undefined, { client, world }: Context): Promise<string> {
  if (operand !== undefined && operand !== 'latest') return operand.toUpperCase()
  const [newest] = await client.deployments.list({ limit: 1 }, { signal: world.signal }).all(1)
  if (newest === undefined) throw new UsageError('There is no deployment yet; make one with hotswap deploy.')
  return newest.executionId
}

/** The body a file holds. */
export async function jsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`${path} cannot be read as JSON: ${(error as Error).message}`)
  }
}

/** What `deploy` and `plan` ask for. */
export function deploymentOf(
  operands: readonly string[],
  values: Values,
  texts: (name: string) => string[],
): CreateDeployment {
  const [moduleName = '', version = '', environment = ''] = operands
  const reason = textOf(values, 'hotfix')
  const skip = texts('skip').map(environmentOf)
  if ((reason === undefined) !== (skip.length === 0))
    throw new UsageError('--hotfix REASON and --skip ENVIRONMENT belong together.')
  const description = textOf(values, 'description')
  const requesterEmail = textOf(values, 'email')
  const breakGlass = textOf(values, 'break-glass')
  const metadata = pairsOf(texts('metadata'), 'metadata')
  const strategy = Object.entries(pairsOf(texts('strategy'), 'strategy')).map(([key, value]) => [
    key,
    jsonOrText(value),
  ])
  return {
    moduleName,
    version,
    targetEnvironment: environmentOf(environment),
    ...(values['require-approval'] === true && { requireApproval: true }),
    ...(values['allow-downgrade'] === true && { allowDowngrade: true }),
    ...(description !== undefined && { description }),
    ...(requesterEmail !== undefined && { requesterEmail }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(reason !== undefined && { hotfix: { reason, skip } }),
    ...(breakGlass !== undefined && { breakGlass: { reason: breakGlass } }),
    ...(strategy.length > 0 && { strategy: Object.fromEntries(strategy) }),
  }
}
