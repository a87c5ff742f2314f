import type { Call } from '../client.ts'
import type { BodyOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'
import type { SigningKey } from '../types.ts'

/** Whose artifacts are accepted. */
export class SigningKeys {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Every key there is. */
  list(options?: RequestOptions): Paged<SigningKey> {
    return whole(async () => (await this.#call('listSigningKeys', {}, options)).keys)
  }

  /** Accepts artifacts signed by this key. Nodes that have enrolled already pin what they were given then. */
  async add(body: BodyOf<'addSigningKey'>, options?: RequestOptions): Promise<SigningKey> {
    return this.#call('addSigningKey', { body }, options)
  }

  /** Refuses artifacts signed by this key from now on. */
  async revoke(keyId: string, body: BodyOf<'revokeSigningKey'> = {}, options?: RequestOptions): Promise<SigningKey> {
    return this.#call('revokeSigningKey', { path: { keyId }, body }, options)
  }
}
