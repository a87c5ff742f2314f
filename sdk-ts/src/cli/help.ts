import { COMMON, type Command, type Option } from './command.ts'
import { COMMANDS } from './commands.ts'
import { EXIT_CODES } from './exit.ts'
import type { Paint } from './paint.ts'

/** What there is. */
export function overview(paint: Paint): string[] {
  return [
    'hotswap brings a module version onto a fleet a little at a time, and shows how it goes.',
    '',
    paint('bold', 'Commands'),
    ...aligned(COMMANDS.map(({ name, operands, summary }) => [[name, ...operands].join(' '), summary])),
    '',
    paint('bold', 'Options of every command'),
    ...optionLines(COMMON),
    '',
    paint('bold', 'Exit codes'),
    ...aligned(EXIT_CODES.map(([code, meaning]) => [String(code), meaning])),
    '',
    paint('bold', 'Environment'),
    ...aligned([
      ['HOTSWAP_URL', 'where the API is'],
      ['HOTSWAP_TOKEN', 'an access token to use'],
      ['HOTSWAP_ID_TOKEN', 'an identity token of a trusted issuer to exchange for one: the OIDC token of a CI job'],
      ['HOTSWAP_USERNAME, HOTSWAP_PASSWORD', 'a user to log in as for this one command'],
      ['NO_COLOR', 'no colours'],
    ]),
    '',
    'More about one of them: hotswap help COMMAND',
  ]
}

/** All about one command. */
export function helpOf({ name, summary, operands, options, examples }: Command, paint: Paint): string[] {
  const own = options === undefined ? [] : [paint('bold', 'Options'), ...optionLines(options), '']
  return [
    `${summary}.`,
    '',
    `  hotswap ${[name, ...operands, ...(options === undefined ? [] : ['[options]'])].join(' ')}`,
    '',
    ...own,
    paint('bold', 'Options of every command'),
    ...optionLines(COMMON),
    '',
    paint('bold', 'Examples'),
    ...examples.map((example) => `  ${example}`),
  ]
}

function optionLines(options: Readonly<Record<string, Option>>): string[] {
  return aligned(
    Object.entries(options).map(([name, { value, help, short }]) => [
      `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
      help,
    ]),
  )
}

function aligned(rows: readonly (readonly [string, string] | string[])[]): string[] {
  const width = Math.max(...rows.map(([left = '']) => left.length))
  return rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}`)
}
