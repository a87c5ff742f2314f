import { readFile } from 'node:fs/promises'
import { digestOf, signerFromPem } from '../../artifact.ts'
import type { Command, Context } from '../command.ts'
import { textOf, type Values } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { packed } from '../pack.ts'
import { plain, table } from '../paint.ts'
import { ago, coloured, shortDigest } from '../text.ts'
import { uploaded } from '../upload.ts'

/** Modules and their versions. */
export const MODULE_COMMANDS: readonly Command[] = [
  {
    name: 'modules',
    summary: 'List modules, or the versions of one',
    operands: ['[module]'],
    examples: ['hotswap modules', 'hotswap modules payment-processor'],
    async run({ client, world, print, paint }, [name]) {
      const options = { signal: world.signal }
      const found = await (name === undefined
        ? client.modules.list({}, options)
        : client.modules.listVersions(name, options)
      ).all()
      const rows = found.map((each) => [
        plain(each.moduleName),
        plain(each.version),
        coloured(each.status, paint),
        shortDigest(each.digest),
        `${(each.size / 1024).toFixed(1)} KiB`,
        each.keyId === null ? paint('yellow', 'unsigned') : 'signed',
        ago(each.registeredAt, Date.now()),
      ])
      const heads = ['MODULE', 'VERSION', 'STATUS', 'DIGEST', 'SIZE', 'SIGNED', 'REGISTERED']
      print(found, rows.length === 0 ? ['No modules.'] : table(heads, rows, paint))
      return EXIT.completed
    },
  },
  {
    name: 'modules push',
    summary: 'Zip a folder reproducibly, hash it, sign it and upload it',
    operands: ['<folder>'],
    options: {
      key: {
        type: 'string',
        value: 'PATH',
        short: 'k',
        help: 'an Ed25519 private key (PEM, PKCS #8) to sign with (HOTSWAP_SIGNING_KEY)',
      },
      unsigned: { type: 'boolean', help: 'register it without a signature; it can never be deployed' },
      'dry-run': { type: 'boolean', help: 'zip and hash, and upload nothing' },
    },
    examples: ['hotswap modules push ./payment-processor --key signing-key.pem', 'hotswap modules push . --dry-run'],
    run: push,
  },
]

async function push(context: Context, [folder = '']: readonly string[], values: Values): Promise<number> {
  const { client, world, print, note, paint } = context
  const { manifest, zip, files } = await packed(folder)
  const { name, version } = manifest
  const digest = await digestOf(zip)
  const facts = { name, version, digest, size: zip.byteLength, files }
  note(`${plain(name)} ${plain(version)}: ${files} files, ${(zip.byteLength / 1024).toFixed(1)} KiB, ${digest}`)
  if (values['dry-run'] === true) {
    print(facts, ['Nothing was uploaded.'])
    return EXIT.completed
  }
  const keyPath = textOf(values, 'key') ?? world.env['HOTSWAP_SIGNING_KEY']
  if (keyPath === undefined && values['unsigned'] !== true) {
    throw new UsageError(
      'Say which key signs it: --key PATH or HOTSWAP_SIGNING_KEY; make one with: openssl genpkey -algorithm ed25519',
    )
  }
  const sign = keyPath === undefined ? undefined : await signerFromPem(await keyText(keyPath))
  const signature = await sign?.({ name, version, digest, size: zip.byteLength })
  const registered = await client.modules.register(
    name,
    { version, digest, size: zip.byteLength, ...signature },
    { signal: world.signal },
  )
  await uploaded(registered.uploadUrl, zip, { world, paint })
  const kept = await client.modules.getVersion(name, version, { signal: world.signal })
  const signer = signature === undefined ? 'unsigned' : `signed with ${signature.keyId}`
  print({ ...kept, files }, [
    `${plain(name)} ${plain(version)} is registered, ${signer}. Deploy it: hotswap deploy ${name} ${version} dev --watch`,
  ])
  return EXIT.completed
}

async function keyText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`The key ${path} cannot be read: ${(error as Error).message}`)
  }
}
