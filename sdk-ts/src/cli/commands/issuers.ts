import type { BodyOf } from '../../http/operation.ts'
import { jsonFile } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { plain, table } from '../paint.ts'

/** Whose identity tokens are exchanged for access: CI without passwords. */
export const ISSUER_COMMANDS: readonly Command[] = [
  {
    name: 'issuers',
    summary: 'List the OpenID Connect issuers whose tokens are taken',
    operands: [],
    examples: ['hotswap issuers', 'hotswap issuers --json | jq .[].rules'],
    async run({ client, world, print, paint }) {
      const found = await client.issuers.list({ signal: world.signal }).all()
      const rows = found.map((each) => [
        plain(each.name),
        plain(each.url),
        plain(each.audience),
        `${each.rules.length}`,
      ])
      const heads = ['ISSUER', 'URL', 'AUDIENCE', 'RULES']
      print(found, rows.length === 0 ? ['No issuer is trusted.'] : table(heads, rows, paint))
      return EXIT.completed
    },
  },
  {
    name: 'issuers trust',
    summary: 'Take the tokens of an issuer, under the rules of a file',
    operands: ['<file>'],
    examples: ['hotswap issuers trust github.json'],
    async run({ client, world, print }, [path = '']) {
      const body = (await jsonFile(path)) as BodyOf<'trustIssuer'>
      const added = await client.issuers.trust(body, { signal: world.signal })
      print(added, [`${plain(added.name)} is trusted: ${plain(added.url)}.`])
      return EXIT.completed
    },
  },
  {
    name: 'issuers distrust',
    summary: 'Take no more tokens of an issuer',
    operands: ['<issuer>'],
    options: { reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' } },
    examples: ['hotswap issuers distrust github -m "Moved to another one"'],
    async run({ client, world, print }, [name = ''], values) {
      const reason = textOf(values, 'reason')
      const body = reason === undefined ? {} : { reason }
      await client.issuers.distrust(name, body, { signal: world.signal })
      print({ name }, [`${plain(name)} is trusted no more.`])
      return EXIT.completed
    },
  },
]
