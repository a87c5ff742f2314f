import type { Call } from '../client.ts'
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
