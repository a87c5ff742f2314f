import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { Credentials, RequestOptions } from '../options.ts'
import type { Session } from '../session.ts'
import type { Tokens, User } from '../types.ts'

/** Who is calling. */
export class Auth {
  readonly #call: Call
  readonly #session: Session

  constructor(call: Call, session: Session) {
    this.#call = call
    this.#session = session
  }

  /** Logs in with these instead of the client's credentials; the client uses the tokens from now on. */
  async login(credentials: Credentials, options?: RequestOptions): Promise<Tokens> {
    const { username, password } = credentials
    const tokens = await this.#call('logIn', { body: { username, password } }, options)
    await this.#session.keep(tokens)
    return tokens
  }

  /** Exchanges a refresh token, good once, for new tokens. The client does so by itself; this is for your own. */
  async refresh(refreshToken: string, options?: RequestOptions): Promise<Tokens> {
    return this.#call('refreshSession', { body: { refreshToken } }, options)
  }

  /** Exchanges the identity token of a trusted issuer for an access token, which the client uses from now on. */
  async exchange(idToken: string, options?: RequestOptions): Promise<ResultOf<'exchangeToken'>> {
    const tokens = await this.#call('exchangeToken', { body: { idToken } }, options)
    await this.#session.keep(tokens)
    return tokens
  }

  /** Changes one's own password; every session ends, and the client goes on with the new one that is answered. */
  async changePassword(body: BodyOf<'changePassword'>, options?: RequestOptions): Promise<Tokens> {
    const tokens = await this.#call('changePassword', { body }, options)
    await this.#session.keep(tokens)
    return tokens
  }

  /** Ends the session at the API and forgets its tokens. */
  async logout(options?: RequestOptions): Promise<void> {
    await this.#call('logOut', {}, options)
    await this.#session.use(undefined)
  }

  /** The caller, and what they may be. */
  async me(options?: RequestOptions): Promise<User> {
    return this.#call('getMe', {}, options)
  }

  /** The public keys that verify access tokens (RFC 7517). */
  async publicKeys(options?: RequestOptions) {
    return this.#call('getPublicKeys', {}, options)
  }
}
