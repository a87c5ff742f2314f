import type { Call } from '../client.ts'
import type { BodyOf, QueryOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { Paged } from '../pages.ts'
import type { Approval, Question } from '../types.ts'

/** What waits for people, and what they say. */
export class Approvals {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** What nobody has answered yet, the one that expires first first. */
  listPending(query: QueryOf<'listPendingApprovals'> = {}, options?: RequestOptions): Paged<Question> {
    return new Paged(async (cursor) => {
      const page = await this.#call('listPendingApprovals', { query: { ...query, cursor } }, options)
      return { items: page.approvals, cursor: page.cursor }
    }, query.cursor ?? undefined)
  }

  /** What a deployment asks for, or asked for last. */
  async get(executionId: string, options?: RequestOptions): Promise<Question> {
    return this.#call('getApproval', { path: { executionId } }, options)
  }

  /** Agrees to the plan; never by whoever requested it. `approvalId` guards against a question asked anew. */
  async approve(
    executionId: string,
    body: BodyOf<'approveDeployment'> = {},
    options?: RequestOptions,
  ): Promise<Approval> {
    return this.#call('approveDeployment', { path: { executionId }, body }, options)
  }

  /** Refuses the plan; the deployment ends as `Rejected`. */
  async reject(
    executionId: string,
    body: BodyOf<'rejectDeployment'> = {},
    options?: RequestOptions,
  ): Promise<Approval> {
    return this.#call('rejectDeployment', { path: { executionId }, body }, options)
  }

  /** Decides on several approvals; each has an outcome of its own. */
  async decideMany(body: BodyOf<'decideApprovals'>, options?: RequestOptions): Promise<ResultOf<'decideApprovals'>> {
    return this.#call('decideApprovals', { body }, options)
  }

  /** Takes one's agreement back before enough have agreed. */
  async withdraw(
    executionId: string,
    body: BodyOf<'withdrawDecision'> = {},
    options?: RequestOptions,
  ): Promise<Approval> {
    return this.#call('withdrawDecision', { path: { executionId }, body }, options)
  }

  /** Says something without deciding. */
  async comment(executionId: string, body: BodyOf<'commentOnDeployment'>, options?: RequestOptions): Promise<Approval> {
    return this.#call('commentOnDeployment', { path: { executionId }, body }, options)
  }
}
