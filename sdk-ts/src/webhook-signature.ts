import { HotSwapError } from './errors.ts'
import type { DeploymentEvent } from './types.ts'

/** A message that is not from HotSwap, or not from now. */
export class WebhookVerificationError extends HotSwapError {
  override readonly name = 'WebhookVerificationError'
}

/** What a webhook tells. Keep `id` for a day: repeats carry the same one. */
export interface WebhookMessage {
  readonly id: string
  readonly type: string
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** The event as it goes out on the bus. */
  readonly data: Pick<DeploymentEvent, 'seq'> & Readonly<Record<string, unknown>>
}

const TOLERANCE_S = 300

/**
 * Verifies a message that came to a webhook or a hook, and answers what it says (docs/contracts/webhooks.md).
 *
 * @param secret as HotSwap showed it once: `whsec_…`
 * @param headers of the request, whatever their case
 * @param body exactly as it came: its text or bytes, before anybody parsed it
 * @throws WebhookVerificationError when it is not ours, was changed, or is more than five minutes old
 */
export async function verifyWebhook(
  secret: string,
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string | Uint8Array,
  now: number = Date.now(),
): Promise<WebhookMessage> {
  const told = headers instanceof Headers ? headers : plainHeaders(headers)
  const [id, at, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => told.get(name))
  if (!id || !at || !signatures)
    throw new WebhookVerificationError('A webhook-id, -timestamp or -signature is missing.')
  if (!/^\d+$/.test(at) || Math.abs(now / 1000 - Number(at)) > TOLERANCE_S) {
    throw new WebhookVerificationError('The time of the message is not now.')
  }
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  const key = await crypto.subtle.importKey('raw', keyOf(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  const signed = new TextEncoder().encode(`${id}.${at}.${text}`)
  for (const each of signatures.split(' ')) {
    const [version, signature] = each.split(',')
    const bytes = version === 'v1' ? bytesOf(signature ?? '') : undefined
    // Compared in constant time, by the platform.
    if (bytes !== undefined && (await crypto.subtle.verify('HMAC', key, bytes, signed)))
      return { ...JSON.parse(text), id }
  }
  throw new WebhookVerificationError('No signature of the message fits.')
}

function plainHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Headers {
  const result = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result.set(name, typeof value === 'string' ? value : value.join(' '))
  }
  return result
}

function keyOf(secret: string): BufferSource {
  const bytes = secret.startsWith('whsec_') ? bytesOf(secret.slice('whsec_'.length)) : undefined
  if (bytes === undefined || bytes.byteLength === 0)
    throw new WebhookVerificationError('The secret is not one of ours: whsec_…')
  return bytes
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
