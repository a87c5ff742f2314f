import { numberOf } from '../arguments.ts'
import type { Command, Context } from '../command.ts'
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
    summary:
      'Verify the signed checkpoints over all records, or one chain of them; ends with 1 when something is not as it was',
    operands: ['[subject]'],
    examples: ['hotswap audit verify', 'hotswap audit verify deployment:01KAJ4Q8ZK8T2V0C5B3M9N7XYZ'],
    run: (context, [subject]) => (subject === undefined ? verifyCheckpoints(context) : verifyChain(context, subject)),
  },
]

async function verifyChain({ client, world, print, paint }: Context, subject: string): Promise<number> {
  const chain = await client.audit.verify(subject, { signal: world.signal })
  const verdict = chain.isWhole
    ? `${paint('green', 'whole')}: ${chain.records} records, ${chain.sealedUpTo} of them sealed, the last with hash ${chain.lastHash}`
    : `${paint('red', 'broken')} at record ${chain.brokenAt} of ${chain.records}`
  print(chain, [`${plain(subject)} is ${verdict}`])
  return chain.isWhole ? EXIT.completed : EXIT.failed
}

/** Page by page, because each is verified by one call. */
async function verifyCheckpoints({ client, world, print, paint }: Context): Promise<number> {
  const found = {
    isWhole: true,
    checkpoints: 0,
    faults: [] as { what: string; subject: string; seq: number; detail: string }[],
  }
  for (let after = 0; ; ) {
    const page = await client.audit.verifyCheckpoints({ after }, { signal: world.signal })
    found.isWhole &&= page.isWhole
    found.checkpoints += page.checkpoints.length
    found.faults.push(...page.faults)
    if (page.checkpoints.length === 0 || page.nextAfter <= after) break
    after = page.nextAfter
  }
  const faults = found.faults.map(
    ({ what, subject, detail }) => `  ${paint('red', plain(what))} ${plain(subject)}: ${plain(detail)}`,
  )
  const verdict = found.isWhole ? paint('green', 'whole') : paint('red', 'broken')
  print(found, [`The audit is ${verdict}: ${found.checkpoints} signed checkpoints.`, ...faults])
  return found.isWhole ? EXIT.completed : EXIT.failed
}
