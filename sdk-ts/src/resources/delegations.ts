import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'

/** Who may decide for whom. */
export class Delegations {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Delegations that count now or later. */
  list(options?: RequestOptions): Paged<ResultOf<'listDelegations'>['delegations'][number]> {
    return whole(async () => (await this.#call('listDelegations', {}, options)).delegations)
  }

  /** Lets somebody decide on approvals in your place for a time. */
  async delegate(body: BodyOf<'delegateApprovals'>, options?: RequestOptions): Promise<ResultOf<'delegateApprovals'>> {
    return this.#call('delegateApprovals', { body }, options)
  }

  /** Ends a delegation: one's own, or anybody's as an Admin. */
  async end(delegator: string, delegate: string, options?: RequestOptions): Promise<void> {
    await this.#call('endDelegation', { path: { delegator, delegate } }, options)
  }
}
