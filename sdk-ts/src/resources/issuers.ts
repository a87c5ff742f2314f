import type { Call } from '../client.ts'
import type { BodyOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'
import type { Issuer } from '../types.ts'

/** Whose identity tokens are believed, so that CI jobs need no password. For admins. */
export class Issuers {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Trusted issuers. */
  list(options?: RequestOptions): Paged<Issuer> {
    return whole(async () => (await this.#call('listIssuers', {}, options)).issuers)
  }

  /** One trusted issuer. */
  async get(issuerName: string, options?: RequestOptions): Promise<Issuer> {
    return this.#call('getIssuer', { path: { issuerName } }, options)
  }

  /** Trusts an issuer: who meets one of its rules may exchange an identity token for an access token. */
  async trust(body: BodyOf<'trustIssuer'>, options?: RequestOptions): Promise<Issuer> {
    return this.#call('trustIssuer', { body }, options)
  }

  /** Trusts an issuer no more; sessions it vouched for end at once. */
  async distrust(issuerName: string, body: BodyOf<'distrustIssuer'> = {}, options?: RequestOptions): Promise<void> {
    await this.#call('distrustIssuer', { path: { issuerName }, body }, options)
  }
}
