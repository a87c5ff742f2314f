import type { Delegation } from '../../types.ts'
import { instantOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { plain, table } from '../paint.ts'

/** Who may decide for whom. */
export const DELEGATION_COMMANDS: readonly Command[] = [
  {
    name: 'delegations',
    summary: 'List who may decide on approvals for whom, now or later',
    operands: [],
    examples: ['hotswap delegations'],
    async run({ client, world, print, paint }) {
      const found = await client.delegations.list({ signal: world.signal }).all()
      const rows = found.map((each) => [
        plain(each.delegator),
        plain(each.delegate),
        each.from,
        each.until,
        plain(each.reason),
      ])
      const heads = ['FOR', 'DECIDES', 'FROM', 'UNTIL', 'WHY']
      print(found, rows.length === 0 ? ['Nobody decides for anybody.'] : table(heads, rows, paint))
      return EXIT.completed
    },
  },
  {
    name: 'delegate',
    summary: 'Let somebody decide on approvals in your place for a time',
    operands: ['<person>'],
    options: {
      until: { type: 'string', value: 'WHEN', help: 'an instant, or how long: 90m, 12h, 3d; at most 90 days' },
      from: { type: 'string', value: 'WHEN', help: 'an instant, or after how long (now)' },
      reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' },
    },
    examples: [
      'hotswap delegate frank --until 2026-12-01T08:00:00Z -m Holiday',
      'hotswap delegate frank --from 1d --until 8d',
    ],
    async run({ client, world, print }, [to = ''], values) {
      const until = textOf(values, 'until')
      if (until === undefined) throw new UsageError('Say until when: --until WHEN.')
      const [from, reason] = [textOf(values, 'from'), textOf(values, 'reason')]
      const now = Date.now()
      const body = {
        to,
        until: instantOf(until, 'until', now),
        ...(from !== undefined && { from: instantOf(from, 'from', now) }),
        ...(reason !== undefined && { reason }),
      }
      const made: Delegation = await client.delegations.delegate(body, { signal: world.signal })
      print(made, [`${plain(made.delegate)} may decide for ${plain(made.delegator)} until ${made.until}.`])
      return EXIT.completed
    },
  },
  {
    name: 'delegations end',
    summary: "End a delegation: your own, or anybody's as an Admin",
    operands: ['<person>'],
    options: { for: { type: 'string', value: 'PERSON', help: 'in whose place they decide (yours)' } },
    examples: ['hotswap delegations end frank', 'hotswap delegations end frank --for erin'],
    async run({ client, world, print }, [delegate = ''], values) {
      const options = { signal: world.signal }
      const delegator = textOf(values, 'for') ?? (await client.auth.me(options)).username
      await client.delegations.end(delegator, delegate, options)
      print({ delegator, delegate }, [`${plain(delegate)} decides no more for ${plain(delegator)}.`])
      return EXIT.completed
    },
  },
]
