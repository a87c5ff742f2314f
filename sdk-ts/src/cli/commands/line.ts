import type { LineState } from '../../types.ts'
import type { Command } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { type Paint, plain } from '../paint.ts'

/** Stopping everything, and letting it go on. */
export const LINE_COMMANDS: readonly Command[] = [
  {
    name: 'line',
    summary: 'Show whether anything may go on, and who waits',
    operands: [],
    examples: ['hotswap line'],
    async run({ client, world, print, paint }) {
      const line = await client.line.get({ signal: world.signal })
      print(line, lineLines(line, paint))
      return EXIT.completed
    },
  },
  {
    name: 'line stop',
    summary: 'Let no deployment begin and promote no wave; rollbacks still run',
    operands: ['<reason>'],
    examples: ['hotswap line stop "Payments are failing, cause unknown"'],
    async run({ client, world, print, paint }, [reason = '']) {
      const line = await client.line.stop({ reason }, { signal: world.signal })
      print(line, lineLines(line, paint))
      return EXIT.completed
    },
  },
  {
    name: 'line resume',
    summary: 'Let everything go on that waits for the line',
    operands: [],
    options: { reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' } },
    examples: ['hotswap line resume -m "It was the database"'],
    async run({ client, world, print, paint }, _operands, values) {
      const reason = textOf(values, 'reason')
      const line = await client.line.resume(reason === undefined ? {} : { reason }, { signal: world.signal })
      print(line, lineLines(line, paint))
      return EXIT.completed
    },
  },
]

function lineLines(line: LineState, paint: Paint): string[] {
  const { state, stoppedBy, stoppedBecause, mostRunning, running, waiting } = line
  const told =
    state === 'running'
      ? paint('green', 'running')
      : `${paint('red', 'stopped')} by ${plain(stoppedBy ?? '')}: ${plain(stoppedBecause ?? '')}`
  return [
    `The line is ${told}`,
    `  ${running.length} running${mostRunning === null ? '' : ` of at most ${mostRunning}`}${running.length === 0 ? '' : `: ${running.join(', ')}`}`,
    `  ${waiting.length} waiting${waiting.length === 0 ? '' : `: ${waiting.join(', ')}`}`,
  ]
}
