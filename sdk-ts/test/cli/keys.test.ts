import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signerFromPem } from '../../src/artifact.ts'
import { json } from '../fake-api.ts'
import { AT, signingKey } from './records.ts'
import { Terminal } from './terminal.ts'

test('a public key is read from the file that openssl writes', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const file = join(mkdtempSync(join(tmpdir(), 'hotswap-keys-')), 'key.pub.pem')
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }))
  const signer = await signerFromPem(String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
  const terminal = new Terminal([json(201, { ...signingKey, keyId: signer.keyId })])

  expect(await terminal.run('keys', 'add', file, '--owner', 'ci', '--environment', 'dev')).toBe(0)

  expect(terminal.api.seen[0]?.body).toEqual({
    publicKey: signer.publicKey,
    owner: 'ci',
    environments: ['Development'],
  })
  expect(terminal.out).toContain(`${signer.keyId} counts from now on`)
})

test('a key that is none of Ed25519 is refused before the API is asked', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const file = join(mkdtempSync(join(tmpdir(), 'hotswap-keys-')), 'key.pub.pem')
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }))
  const terminal = new Terminal()

  expect(await terminal.run('keys', 'add', file, '--owner', 'ci')).toBe(1)
  expect(terminal.err).toContain('no Ed25519 public key')
  expect(terminal.api.seen).toEqual([])
})

test('keys are listed with their state, and revoked with a reason', async () => {
  const terminal = new Terminal([
    json(200, { keys: [signingKey, { ...signingKey, keyId: 'ed25519:2', revokedAt: AT }] }),
    json(200, { ...signingKey, revokedAt: AT }),
  ])

  expect(await terminal.run('keys')).toBe(0)
  expect(terminal.out).toMatch(/ed25519:1 +ci +counts +no end +everywhere/)
  expect(terminal.out).toMatch(/ed25519:2 +ci +revoked/)
  expect(await terminal.run('keys', 'revoke', 'ed25519:1', '-m', 'lost')).toBe(0)
  expect(terminal.api.seen[1]?.body).toEqual({ reason: 'lost' })
})
