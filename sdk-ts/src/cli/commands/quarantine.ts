import type { Quarantine } from '../../types.ts'
import { environmentOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { type Paint, plain, table } from '../paint.ts'
import { ago } from '../text.ts'

/** What was rolled back, and may not come back. */
export const QUARANTINE_COMMANDS: readonly Command[] = [
  {
    name: 'quarantine',
    summary: 'List what of a module was rolled back where, and may not come back',
    operands: ['<module>'],
    examples: ['hotswap quarantine payment-processor'],
    async run({ client, world, print, paint }, [module = '']) {
      const found = await client.modules.listQuarantine(module, { signal: world.signal }).all()
      print(found, found.length === 0 ? ['Nothing of it is in quarantine.'] : quarantineTable(found, paint))
      return EXIT.completed
    },
  },
  {
    name: 'quarantine release',
    summary: 'Let a version come back to an environment it was rolled back in',
    operands: ['<module>', '<version>', '<environment>', '<reason>'],
    examples: ['hotswap quarantine release payment-processor 2.1.0 prod "The card numbers that broke it are gone"'],
    async run({ client, world, print }, [module = '', version = '', text = '', reason = '']) {
      const environment = environmentOf(text)
      const body = { version, reason }
      const released = await client.modules.releaseQuarantine(module, environment, body, { signal: world.signal })
      print(released, [plain(`${module} ${version} may come to ${environment} again.`)])
      return EXIT.completed
    },
  },
]

function quarantineTable(found: readonly Quarantine[], paint: Paint): string[] {
  const rows = found.map((each) => [
    each.environment,
    plain(
      each.configurationRevision === null ? each.version : `${each.version} configured ${each.configurationRevision}`,
    ),
    ago(each.since, Date.now()),
    plain(each.reason),
    each.releasedBy === null
      ? paint('red', 'kept out')
      : plain(`released by ${each.releasedBy}: ${each.releaseReason ?? ''}`),
  ])
  return table(['ENVIRONMENT', 'VERSION', 'SINCE', 'WHY', 'NOW'], rows, paint)
}
