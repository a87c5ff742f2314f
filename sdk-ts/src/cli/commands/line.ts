import type { LineState } from '../../types.ts'
import { numberOf } from '../arguments.ts'
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
  {
    name: 'line limit',
    summary: 'Let at most so many deployments change something at once; none lifts the limit',
    operands: ['<number>'],
    options: { reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' } },
    examples: ['hotswap line limit 20', 'hotswap line limit none'],
    async run({ client, world, print, paint }, [most = ''], values) {
      const reason = textOf(values, 'reason')
      const body = { mostRunning: limitOf(most), ...(reason !== undefined && { reason }) }
      const line = await client.line.limit(body, { signal: world.signal })
      print(line, lineLines(line, paint))
      return EXIT.completed
    },
  },
]

function limitOf(text: string): number | null {
  return text === 'none' ? null : numberOf(text, 'limit', 1)
}

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
