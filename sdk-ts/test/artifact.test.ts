import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { digestOf, signedText, signerFromPem } from '../src/artifact.ts'
import { FakeApi, json } from './fake-api.ts'

const pair = generateKeyPairSync('ed25519')
const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const bytes = new TextEncoder().encode('hello')
const DIGEST = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'

test('the signed text is the one of the contract', () => {
  const facts = { name: 'payment-processor', version: '2.0.0', digest: DIGEST, size: 5 }

  expect(signedText(facts)).toBe(
    `hotswap-artifact-v1\nname:payment-processor\nversion:2.0.0\ndigest:${DIGEST}\nsize:5\n`,
  )
})

test('a digest is SHA-256', async () => {
  expect(await digestOf(bytes)).toBe(DIGEST)
})

test('a signature verifies with the public key the signer names', async () => {
  const sign = await signerFromPem(pem)
  const facts = { name: 'payment-processor', version: '2.0.0', digest: DIGEST, size: 5 }

  const { signature, keyId } = await sign(facts)

  const raw = Buffer.from(sign.publicKey, 'base64')
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
  const publicKey = createPublicKey({ key: spki, type: 'spki', format: 'der' })
  expect(verify(null, Buffer.from(signedText(facts)), publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  expect(keyId).toMatch(/^ed25519:[0-9a-f]{32}$/)
  expect(sign.keyId).toBe(keyId)
})

test('publish hashes, signs, registers, uploads and tells what is there', async () => {
  const version = { moduleName: 'payment-processor', version: '2.0.0', status: 'Registered' }
  const api = new FakeApi([
    json(201, { ...version, uploadUrl: 'https://bucket.test/put' }),
    new Response(null, { status: 200 }),
    json(200, version),
  ])

  const published = await api.client().modules.publish({
    name: 'payment-processor',
    version: '2.0.0',
    zip: bytes,
    sign: ({ digest, size }) => ({ signature: `${digest.slice(0, 9)} ${size}`, keyId: 'k' }),
  })

  expect(published).toEqual(version)
  expect(api.paths()).toEqual([
    'POST /api/v1/modules/payment-processor/versions',
    'PUT /put',
    'GET /api/v1/modules/payment-processor/versions/2.0.0',
  ])
  expect(api.seen[0]?.body).toEqual({ version: '2.0.0', digest: DIGEST, size: 5, signature: 'sha256:2c 5', keyId: 'k' })
})

test('without a signer a version is registered unsigned', async () => {
  const api = new FakeApi([json(201, { uploadUrl: 'https://bucket.test/put' }), new Response(null), json(200, {})])

  await api.client().modules.publish({ name: 'm-x', version: '1.0.0', zip: bytes })

  expect(api.seen[0]?.body).toEqual({ version: '1.0.0', digest: DIGEST, size: 5 })
})
