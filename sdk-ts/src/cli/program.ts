import { parseArgs } from 'node:util'
import { OrchestrationClient } from '../client.ts'
import { advice } from './advice.ts'
import { COMMON, type Command, type Context, type Option, textOf, type Values } from './command.ts'
import { COMMANDS } from './commands.ts'
import { candidates } from './completion.ts'
import { EXIT, UsageError } from './exit.ts'
import { helpOf, overview } from './help.ts'
import { SessionFile } from './kept-session.ts'
import { painter } from './paint.ts'
import type { World } from './world.ts'

export const DEFAULT_URL = 'http://127.0.0.1:8000'

/** The whole program: from the words on the command line to the exit code. Never rejects. */
export async function program(words: readonly string[], world: World): Promise<number> {
  try {
    return await dispatched(words, world)
  } catch (error) {
    if (world.signal.aborted) return EXIT.interrupted
    if (!(error instanceof UsageError)) throw error
    const isJson = words.includes('--json')
    world.stderr.write(
      isJson ? `${JSON.stringify({ error: { name: error.name, message: error.message } })}\n` : `${error.message}\n`,
    )
    return EXIT.usage
  }
}

async function dispatched(words: readonly string[], world: World): Promise<number> {
  const paint = painter(world)
  const [first] = words
  if (first === '__complete') return printed(world, candidates(words.slice(1)))
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    const command = commandOf(words.slice(1))
    return printed(world, command === undefined ? overview(paint) : helpOf(command, paint))
  }
  if (first === '--version' || first === '-V') return printed(world, [__VERSION__])
  const command = commandOf(words)
  if (command === undefined)
    throw new UsageError(`There is no command ${JSON.stringify(first)}${nearest(first)}. See hotswap help.`)
  const { values, positionals } = parsed(command, words.slice(command.name.split(' ').length))
  if (values['help'] === true) return printed(world, helpOf(command, paint))
  checkOperands(command, positionals)
  return carriedOut(command, positionals, values, world)
}

async function carriedOut(command: Command, operands: string[], values: Values, world: World): Promise<number> {
  const session = new SessionFile(world.env)
  const kept = await session.read()
  const url = textOf(values, 'url') ?? world.env['HOTSWAP_URL'] ?? kept?.url ?? DEFAULT_URL
  const isJson = values['json'] === true
  const note = (line: string) => world.stderr.write(`${line}\n`)
  try {
    const context: Context = {
      world,
      url,
      session,
      isJson,
      note,
      paint: painter(world),
      client: clientOf(world, url, session, kept?.url === url),
      print: (data, lines) =>
        world.stdout.write(isJson ? `${JSON.stringify(data)}\n` : lines.map((line) => `${line}\n`).join('')),
    }
    return await command.run(context, operands, values)
  } catch (error) {
    if (world.signal.aborted || error instanceof UsageError) throw error
    if (isJson)
      note(
        JSON.stringify({
          error: { ...(error as object), name: (error as Error).name, message: (error as Error).message },
        }),
      )
    else for (const line of advice(error, url)) note(line)
    return EXIT.failed
  }
}

/** Who the command is: a token of the environment, a user of the environment, or whoever logged in at this URL. */
function clientOf(world: World, url: string, session: SessionFile, isSame: boolean): OrchestrationClient {
  const {
    HOTSWAP_TOKEN: token,
    HOTSWAP_USERNAME: username,
    HOTSWAP_PASSWORD: password,
    HOTSWAP_ID_TOKEN: identityToken,
  } = world.env
  const identity = token
    ? { token }
    : identityToken
      ? { identityToken }
      : username && password
        ? { credentials: { username, password } }
        : isSame
          ? { tokenStore: session.tokenStore() }
          : {}
  return new OrchestrationClient({ baseUrl: url, fetch: world.fetch, retryAttempts: 2, retryDelay: 500, ...identity })
}

function commandOf(words: readonly string[]): Command | undefined {
  const two = words.slice(0, 2).join(' ')
  return COMMANDS.find(({ name }) => name === two) ?? COMMANDS.find(({ name }) => name === words[0])
}

function parsed(command: Command, words: readonly string[]): { values: Values; positionals: string[] } {
  const known: Record<string, Option> = { ...command.options, ...COMMON }
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { type, multiple, short }]) => [
      name,
      { type, ...(multiple && { multiple }), ...(short && { short }) },
    ]),
  )
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
    return { values: values as Values, positionals }
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}. See hotswap help ${command.name}.`)
  }
}

function checkOperands({ name, operands }: Command, given: readonly string[]): void {
  const required = operands.filter((each) => each.startsWith('<'))
  const missing = required[given.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing: hotswap ${[name, ...operands].join(' ')}`)
  const most =
    operands.at(-1)?.endsWith('...') || operands.at(-1)?.endsWith('...]') ? Number.POSITIVE_INFINITY : operands.length
  if (given.length > most)
    throw new UsageError(`${JSON.stringify(given[most])} is too much: hotswap ${[name, ...operands].join(' ')}`)
}

/** A command that begins or sounds like it. */
function nearest(word: string): string {
  const found = COMMANDS.find(
    ({ name }) => name.startsWith(word) || (word.length > 3 && word.startsWith(name.split(' ')[0] ?? name)),
  )
  return found === undefined ? '' : `; did you mean ${found.name}?`
}

function printed(world: World, lines: readonly string[]): number {
  world.stdout.write(lines.map((line) => `${line}\n`).join(''))
  return EXIT.completed
}

declare const __VERSION__: string
