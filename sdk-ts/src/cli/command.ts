import type { OrchestrationClient } from '../client.ts'
import type { SessionFile } from './kept-session.ts'
import type { Paint } from './paint.ts'
import type { World } from './world.ts'

/** An option of a command. */
export interface Option {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help. */
  readonly value?: string
  readonly help: string
  readonly multiple?: boolean
  readonly short?: string
}

export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** What a command works with. */
export interface Context {
  readonly world: World
  readonly client: OrchestrationClient
  readonly url: string
  readonly session: SessionFile
  readonly paint: Paint
  readonly isJson: boolean
  /** Prints lines for people, or the JSON of `data`; one of the two, as the caller asked. */
  print(data: unknown, lines: readonly string[]): void
  /** A line for people beside the result, on standard error. */
  note(line: string): void
}

/** One command: what it is called, what it takes, and what it does. */
export interface Command {
  /** One word, or two: `deploy`, `modules push`. */
  readonly name: string
  readonly summary: string
  /** `<required>` and `[optional]`, for the help and for the check. */
  readonly operands: readonly string[]
  readonly options?: Readonly<Record<string, Option>>
  readonly examples: readonly string[]
  /** Resolves to the exit code. */
  run(context: Context, operands: readonly string[], values: Values): Promise<number>
}

/** Options every command takes. */
export const COMMON: Readonly<Record<string, Option>> = {
  url: { type: 'string', value: 'URL', help: 'where the API is (HOTSWAP_URL; default: where you logged in)' },
  json: { type: 'boolean', help: 'answer in JSON; events as one object a line' },
  help: { type: 'boolean', short: 'h', help: 'show this' },
}

/** The text an option was given. */
export function textOf(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** Every text an option was given. */
export function textsOf(values: Values, name: string): string[] {
  const value = values[name]
  return Array.isArray(value) ? value.map(String) : []
}
