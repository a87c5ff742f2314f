import { numberOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { plain, table } from '../paint.ts'
import { coloured } from '../text.ts'

/** Who did what. */
export const AUDIT_COMMANDS: readonly Command[] = [
  {
    name: 'audit',
    summary: "List what happened to a subject, or on a day (today's by default)",
    operands: ['[subject]'],
    options: {
      day: { type: 'string', value: 'YYYY-MM-DD', help: 'on this day, newest first' },
      limit: { type: 'string', value: 'NUMBER', help: 'at most so many; default 50' },
    },
    examples: [
      'hotswap audit',
      'hotswap audit deployment:01KAJ4Q8ZK8T2V0C5B3M9N7XYZ',
      'hotswap audit --day 2026-11-21 --json',
    ],
    async run({ client, world, print, paint }, [subject], values) {
      const limit = numberOf(textOf(values, 'limit'), 'limit', 50)
      const page = Math.min(limit, 100)
      const day = textOf(values, 'day') ?? new Date().toISOString().slice(0, 10)
      const query = subject === undefined ? { day, limit: page } : { subject, limit: page }
      const found = await client.audit.list(query, { signal: world.signal }).all(limit)
      const rows = found.map((each) => [
        each.at,
        plain(each.actor),
        plain(each.action),
        coloured(each.outcome, paint),
        plain(each.subject),
      ])
      print(
        found,
        rows.length === 0 ? ['Nothing happened.'] : table(['AT', 'WHO', 'DID', 'OUTCOME', 'TO'], rows, paint),
      )
      return EXIT.completed
    },
  },
  {
    name: 'audit verify',
    summary: "Verify that a subject's chain of records is whole; ends with 1 when it is not",
    operands: ['<subject>'],
    examples: ['hotswap audit verify deployment:01KAJ4Q8ZK8T2V0C5B3M9N7XYZ'],
    async run({ client, world, print, paint }, [subject = '']) {
      const chain = await client.audit.verify(subject, { signal: world.signal })
      const verdict = chain.isWhole
        ? `${paint('green', 'whole')}: ${chain.records} records, the last with hash ${chain.lastHash}`
        : `${paint('red', 'broken')} at record ${chain.brokenAt} of ${chain.records}`
      print(chain, [`${plain(subject)} is ${verdict}`])
      return chain.isWhole ? EXIT.completed : EXIT.failed
    },
  },
]
