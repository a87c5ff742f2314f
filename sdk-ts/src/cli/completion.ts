import { ENVIRONMENTS } from './arguments.ts'
import { COMMON } from './command.ts'
import { COMMANDS } from './commands.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are the shells' own
const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: [
    '_hotswap() {',
    "  local IFS=$'\\n'",
    '  COMPREPLY=($(hotswap __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))',
    '}',
    'complete -o default -F _hotswap hotswap',
  ].join('\n'),
  zsh: [
    '#compdef hotswap',
    '_hotswap() { compadd -- "${(@f)$(hotswap __complete "${(@)words[2,$CURRENT]}" 2>/dev/null)}" }',
    'compdef _hotswap hotswap',
  ].join('\n'),
  fish: "complete -c hotswap -f -a '(hotswap __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'",
}

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above

/** What a shell runs to complete our commands. */
export function completionScript(shell: (typeof SHELLS)[number]): string {
  return SCRIPTS[shell]
}

/** What the last word may become; the words before it are what was typed. */
export function candidates(words: readonly string[]): string[] {
  const typed = words.slice(0, -1)
  const last = words.at(-1) ?? ''
  return [...new Set(possible(typed, last))].filter((each) => each.startsWith(last)).sort()
}

function possible(typed: readonly string[], last: string): string[] {
  if (typed.length === 0) return [...COMMANDS.map(({ name }) => name.split(' ')[0] ?? name), 'help']
  const two = typed.slice(0, 2).join(' ')
  const command = COMMANDS.find(({ name }) => name === two) ?? COMMANDS.find(({ name }) => name === typed[0])
  if (last.startsWith('-')) return Object.keys({ ...command?.options, ...COMMON }).map((name) => `--${name}`)
  const second =
    typed.length === 1
      ? COMMANDS.filter(({ name }) => name.startsWith(`${typed[0]} `)).map(({ name }) => name.split(' ')[1] ?? '')
      : []
  const operand = command?.operands[typed.length - (command.name.split(' ').length ?? 1)]
  const environments =
    operand?.includes('environment') || typed.at(-1) === '--environment' || typed.at(-1) === '--skip'
      ? ENVIRONMENTS
      : []
  const shells = operand?.includes('shell') ? SHELLS : []
  return [...second, ...environments, ...shells, ...(operand?.includes('executionId') ? ['latest'] : [])]
}
