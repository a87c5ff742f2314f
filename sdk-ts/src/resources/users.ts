import type { Call } from '../client.ts'
import type { BodyOf, QueryOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { Paged } from '../pages.ts'
import type { Account } from '../types.ts'

type Why = BodyOf<'disableUser'>

/** People, and what they may do where. For admins. */
export class Users {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Users by name. */
  list(query: QueryOf<'listUsers'> = {}, options?: RequestOptions): Paged<Account> {
    return new Paged(async (cursor) => {
      const page = await this.#call('listUsers', { query: { ...query, cursor } }, options)
      return { items: page.users, cursor: page.cursor }
    }, query.cursor ?? undefined)
  }

  /** One user, and whether wrong passwords lock them out. */
  async get(username: string, options?: RequestOptions): Promise<Account> {
    return this.#call('getUser', { path: { username } }, options)
  }

  /** Creates a user; the answer holds their temporary password, once. */
  async create(body: BodyOf<'createUser'>, options?: RequestOptions): Promise<ResultOf<'createUser'>> {
    return this.#call('createUser', { body }, options)
  }

  /** Changes what a user may do, and where; their sessions end. */
  async changeAccess(username: string, body: BodyOf<'changeAccess'>, options?: RequestOptions): Promise<Account> {
    return this.#call('changeAccess', { path: { username }, body }, options)
  }

  /** Keeps a user out; their sessions end. */
  async disable(username: string, body: Why = {}, options?: RequestOptions): Promise<Account> {
    return this.#call('disableUser', { path: { username }, body }, options)
  }

  /** Lets a user log in again. */
  async enable(username: string, body: Why = {}, options?: RequestOptions): Promise<Account> {
    return this.#call('enableUser', { path: { username }, body }, options)
  }

  /** Forgets a user's wrong passwords. */
  async unlock(username: string, body: Why = {}, options?: RequestOptions): Promise<Account> {
    return this.#call('unlockUser', { path: { username }, body }, options)
  }

  /** Gives a user a temporary password, once in the answer; their sessions and a lock end. */
  async resetPassword(username: string, body: Why = {}, options?: RequestOptions): Promise<ResultOf<'resetPassword'>> {
    return this.#call('resetPassword', { path: { username }, body }, options)
  }
}
