import { AuthenticationError, HotSwapError } from './errors.ts'
import type { Credentials } from './options.ts'
import type { User } from './types.ts'

/** What is sent as `Authorization: Bearer`, and what it is renewed with. */
export interface KeptTokens {
  readonly accessToken: string
  /** ISO 8601. Without it the token is used until the API refuses it. */
  readonly expiresAt?: string | undefined
  readonly refreshToken?: string | undefined
}

/** A place for tokens other than memory, for programs that run for a moment, such as the command line. */
export interface TokenStore {
  read(): Promise<KeptTokens | undefined>
  write(tokens: KeptTokens | undefined): Promise<void>
  /** Runs `work` while no other process does: a refresh token is good once. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
}

/** What a login answers. */
export interface LoggedIn extends KeptTokens {
  readonly user: User
}

/** How tokens are got; all calls are sent without one. */
export interface Exchange {
  logIn(credentials: Credentials): Promise<LoggedIn>
  exchange(idToken: string): Promise<LoggedIn>
  refresh(refreshToken: string): Promise<LoggedIn>
}

/** A token is renewed when it has less than this to live. */
export const RENEW_BEFORE_MS = 60_000

class Memory implements TokenStore {
  #tokens: KeptTokens | undefined

  async read() {
    return this.#tokens
  }

  async write(tokens: KeptTokens | undefined) {
    this.#tokens = tokens
  }

  async exclusively<T>(work: () => Promise<T>) {
    return work()
  }
}

/** Who the client is: knows a token that is good, and gets a new one when it is not, once for all calls that wait. */
export class Session {
  readonly #exchange: Exchange
  readonly #credentials: Credentials | undefined
  readonly #identityToken: string | (() => string | Promise<string>) | undefined
  readonly #store: TokenStore
  #given: string | (() => string | Promise<string>) | undefined
  #renewal: Promise<string | undefined> | undefined

  constructor(
    exchange: Exchange,
    options: {
      credentials?: Credentials | undefined
      identityToken?: string | (() => string | Promise<string>) | undefined
      token?: string | (() => string | Promise<string>) | undefined
      tokenStore?: TokenStore | undefined
    },
  ) {
    this.#exchange = exchange
    this.#credentials = options.credentials
    this.#identityToken = options.identityToken
    this.#given = options.token
    this.#store = options.tokenStore ?? new Memory()
  }

  /** From now on this token and no other; undefined forgets every token. */
  async use(token: string | undefined): Promise<void> {
    this.#given = token
    await this.#store.write(undefined)
  }

  /** From now on what a login answered. */
  async keep(tokens: KeptTokens): Promise<void> {
    this.#given = undefined
    const lifetime = lifetimeMs(tokens.accessToken)
    // By this machine's clock: the server's may be another.
    const expiresAt = lifetime === undefined ? tokens.expiresAt : new Date(Date.now() + lifetime).toISOString()
    await this.#store.write({ accessToken: tokens.accessToken, expiresAt, refreshToken: tokens.refreshToken })
  }

  /** Logs in anew with the client's credentials or identity token. */
  async logIn(): Promise<LoggedIn> {
    const tokens = await this.#loggedIn()
    await this.keep(tokens)
    return tokens
  }

  /** A token for the next request, renewed before it expires; undefined when there is none and no way to get one. */
  async token(): Promise<string | undefined> {
    if (this.#given !== undefined) return typeof this.#given === 'function' ? this.#given() : this.#given
    const kept = await this.#store.read()
    if (kept !== undefined && !isEnding(kept)) return kept.accessToken
    try {
      return await this.#renewOnce(kept?.accessToken)
    } catch (error) {
      // The token is still good for a moment; whoever refuses it will be heard.
      if (kept !== undefined && !isOver(kept)) return kept.accessToken
      throw error
    }
  }

  /** Another token after the API refused `refused`; undefined when there is none to be had. */
  async another(refused: string | undefined): Promise<string | undefined> {
    if (typeof this.#given === 'function') {
      const token = await this.#given()
      return token === refused ? undefined : token
    }
    if (this.#given !== undefined) return undefined
    return this.#renewOnce(refused)
  }

  #canLogIn(): boolean {
    return this.#credentials !== undefined || this.#identityToken !== undefined
  }

  async #loggedIn(): Promise<LoggedIn> {
    if (this.#credentials !== undefined) return this.#exchange.logIn(this.#credentials)
    if (this.#identityToken === undefined) {
      throw new HotSwapError(
        'authenticate() needs credentials: new OrchestrationClient({ credentials: { username, password } })',
      )
    }
    const token = this.#identityToken
    return this.#exchange.exchange(typeof token === 'function' ? await token() : token)
  }

  #renewOnce(old: string | undefined): Promise<string | undefined> {
    this.#renewal ??= this.#store
      .exclusively(() => this.#renew(old))
      .finally(() => {
        this.#renewal = undefined
      })
    return this.#renewal
  }

  async #renew(old: string | undefined): Promise<string | undefined> {
    const kept = await this.#store.read()
    // Somebody else renewed it while this call was on its way or waited for its turn.
    if (kept !== undefined && kept.accessToken !== old && !isEnding(kept)) return kept.accessToken
    if (kept?.refreshToken !== undefined) {
      try {
        const tokens = await this.#exchange.refresh(kept.refreshToken)
        await this.keep(tokens)
        return tokens.accessToken
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error
        await this.#store.write(undefined)
      }
    }
    return this.#canLogIn() ? (await this.logIn()).accessToken : undefined
  }
}

function isEnding({ expiresAt }: KeptTokens): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) - Date.now() < RENEW_BEFORE_MS
}

/** How long a JWT lives from its issue on, in milliseconds; undefined when it does not say. */
function lifetimeMs(jwt: string): number | undefined {
  try {
    const payload = jwt.split('.')[1]?.replace(/-/g, '+').replace(/_/g, '/') ?? ''
    const { exp, iat } = JSON.parse(atob(payload)) as { exp?: unknown; iat?: unknown }
    return typeof exp === 'number' && typeof iat === 'number' ? (exp - iat) * 1000 : undefined
  } catch {
    return undefined
  }
}

function isOver({ expiresAt }: KeptTokens): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()
}
