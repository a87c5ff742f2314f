// Writes docs/command-line.md from what the command line says of itself; with --check, fails when it is stale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { COMMANDS } from '../src/cli/commands.ts'
import { helpOf, overview } from '../src/cli/help.ts'

const file = new URL('../../docs/command-line.md', import.meta.url)
const plain = (_style, text) => text
const block = (lines) => ['```', ...lines, '```', '']
const common = (lines) => lines.indexOf('Options of every command')

/** The help of one command without what every command has. */
function own(command) {
  const lines = helpOf(command, plain)
  const from = common(lines)
  const examples = lines.indexOf('Examples')
  return [...lines.slice(0, from), ...lines.slice(examples)]
}

const text = [
  '# The command line',
  '',
  'Made from the help of `hotswap` by `make openapi`. How to get it: [start.md](start.md#the-command-line); how a shell completes it: `hotswap help completion`.',
  '',
  ...block(overview(plain)),
  ...COMMANDS.flatMap((command) => [`## hotswap ${command.name}`, '', ...block(own(command))]),
].join('\n')

if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  process.stderr.write('command-line.md is stale: run `make openapi`.\n')
  process.exitCode = 1
}
