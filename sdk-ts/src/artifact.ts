/** What is signed together, so that none can be exchanged for another's. Source: docs/contracts/artifact.md. */
export interface SignedFacts {
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly size: number
}

/** A signature, and the id of the key it is good for. */
export interface Signature {
  readonly signature: string
  readonly keyId: string
}

/** Signs an artifact: with a key here, or by asking whoever keeps it. */
export type Sign = (facts: SignedFacts) => Signature | Promise<Signature>

/** `sha256:` and the 64 hexadecimal digits of the bytes' SHA-256. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  return `sha256:${hex(await crypto.subtle.digest('SHA-256', bytes as BufferSource))}`
}

/** The text an Ed25519 signature covers. */
export function signedText({ name, version, digest, size }: SignedFacts): string {
  return `hotswap-artifact-v1\nname:${name}\nversion:${version}\ndigest:${digest}\nsize:${size}\n`
}

/** A signer with an Ed25519 private key in PEM (PKCS #8). */
export async function signerFromPem(
  pem: string,
): Promise<Sign & { readonly publicKey: string; readonly keyId: string }> {
  const der = fromBase64(pem.replace(/-----(BEGIN|END) PRIVATE KEY-----|\s/g, ''))
  const key = await crypto.subtle.importKey('pkcs8', der as BufferSource, 'Ed25519', true, ['sign'])
  const { x } = await crypto.subtle.exportKey('jwk', key)
  const publicBytes = fromBase64((x ?? '').replace(/-/g, '+').replace(/_/g, '/'))
  const fingerprint = hex(await crypto.subtle.digest('SHA-256', publicBytes as BufferSource))
  const keyId = `ed25519:${fingerprint.slice(0, 32)}`
  const sign: Sign = async (facts) => {
    const signature = await crypto.subtle.sign('Ed25519', key, new TextEncoder().encode(signedText(facts)))
    return { signature: toBase64(new Uint8Array(signature)), keyId }
  }
  return Object.assign(sign, { publicKey: toBase64(publicBytes), keyId })
}

/**
 * The public key of a PEM file (SPKI, as `openssl pkey -pubout` writes it), as the API takes it: its 32 bytes in base64.
 *
 * @throws TypeError when it holds anything but an Ed25519 public key
 */
export function publicKeyFromPem(pem: string): string {
  const body = /-----BEGIN PUBLIC KEY-----([\s\S]+)-----END PUBLIC KEY-----/.exec(pem)?.[1]
  const der = body === undefined ? new Uint8Array() : fromBase64(body.replace(/\s/g, ''))
  // RFC 8410: an Ed25519 key in SPKI is always these twelve bytes and the key.
  if (der.length !== 44 || toBase64(der.slice(0, 12)) !== 'MCowBQYDK2VwAyEA')
    throw new TypeError('This is no Ed25519 public key in PEM.')
  return toBase64(der.slice(12))
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}
