import { readFile } from 'node:fs/promises'
import { publicKeyFromPem } from '../../artifact.ts'
import { environmentOf } from '../arguments.ts'
import { type Command, textOf, textsOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { plain, table } from '../paint.ts'
import { ago } from '../text.ts'

/** Whose signatures count. */
export const KEY_COMMANDS: readonly Command[] = [
  {
    name: 'keys',
    summary: 'List the keys whose signatures count, or counted',
    operands: [],
    examples: ['hotswap keys'],
    async run({ client, world, print, paint }) {
      const found = await client.signingKeys.list({ signal: world.signal }).all()
      const rows = found.map((each) => [
        each.keyId,
        plain(each.owner),
        each.revokedAt === null ? paint('green', 'counts') : paint('red', `revoked ${ago(each.revokedAt, Date.now())}`),
        each.validUntil ?? 'no end',
        each.environments.join(', ') || 'everywhere',
      ])
      const heads = ['KEY', 'OWNER', 'STATE', 'VALID UNTIL', 'WHERE']
      print(found, rows.length === 0 ? ['No keys.'] : table(heads, rows, paint))
      return EXIT.completed
    },
  },
  {
    name: 'keys add',
    summary: 'Accept artifacts signed by a key; nodes pin it when they enrol',
    operands: ['<public-key>'],
    options: {
      owner: { type: 'string', value: 'TEXT', help: 'whose it is (required)' },
      until: { type: 'string', value: 'INSTANT', help: 'until when it counts, as 2027-01-31T00:00:00Z' },
      environment: { type: 'string', value: 'ENVIRONMENT', multiple: true, help: 'where it counts; may be repeated' },
    },
    examples: [
      'openssl pkey -in signing-key.pem -pubout -out signing-key.pub.pem',
      'hotswap keys add signing-key.pub.pem --owner "payments CI"',
    ],
    async run({ client, world, print }, [path = ''], values) {
      const owner = textOf(values, 'owner')
      if (owner === undefined) throw new UsageError('Say whose it is: --owner TEXT.')
      const validUntil = textOf(values, 'until')
      const environments = textsOf(values, 'environment').map(environmentOf)
      const body = {
        publicKey: publicKeyFromPem(await pem(path)),
        owner,
        ...(validUntil !== undefined && { validUntil }),
        ...(environments.length > 0 && { environments }),
      }
      const added = await client.signingKeys.add(body, { signal: world.signal })
      print(added, [`${added.keyId} counts from now on.`])
      return EXIT.completed
    },
  },
  {
    name: 'keys revoke',
    summary: 'Refuse what a key signed, from now on and on every node',
    operands: ['<keyId>'],
    options: { reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' } },
    examples: ['hotswap keys revoke ed25519:0f343b0931126a20f133d67c2b018a3b --reason "Left the company"'],
    async run({ client, world, print }, [keyId = ''], values) {
      const reason = textOf(values, 'reason')
      const body = reason === undefined ? {} : { reason }
      const revoked = await client.signingKeys.revoke(keyId, body, { signal: world.signal })
      print(revoked, [`${revoked.keyId} counts no more.`])
      return EXIT.completed
    },
  },
]

async function pem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`The key ${path} cannot be read: ${(error as Error).message}`)
  }
}
