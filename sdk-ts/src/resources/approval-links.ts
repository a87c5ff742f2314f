import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import type { Approval } from '../types.ts'

/** Links with which somebody decides once, on another device. */
export class ApprovalLinks {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** A link with which the caller decides once, within 15 minutes. */
  async make(executionId: string, options?: RequestOptions): Promise<ResultOf<'makeApprovalLink'>> {
    return this.#call('makeApprovalLink', { path: { executionId } }, options)
  }

  /** The page a link leads to, as HTML. */
  async page(options?: RequestOptions): Promise<string> {
    return (await this.#call('getApprovalPage', {}, options)) as string
  }

  /** What a link asks, and whom; decides nothing. */
  async read(token: string, options?: RequestOptions): Promise<ResultOf<'readApprovalLink'>> {
    return this.#call('readApprovalLink', { body: { token } }, options)
  }

  /** Decides with a link, which is used up by it. */
  async decide(body: BodyOf<'decideWithLink'>, options?: RequestOptions): Promise<Approval> {
    return this.#call('decideWithLink', { body }, options)
  }
}
