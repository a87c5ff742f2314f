import type { Call } from '../client.ts'
import { TimeoutError } from '../errors.ts'
import { follow, type WatchOptions } from '../follow.ts'
import type { BodyOf, QueryOf } from '../http/operation.ts'
import { pause } from '../http/waiting.ts'
import type { RequestOptions } from '../options.ts'
import { Paged } from '../pages.ts'
import {
  type CreateDeployment,
  type Deployment,
  type DeploymentAccepted,
  type DeploymentEvent,
  type DeploymentSummary,
  isEnd,
  type Plan,
  type Verdict,
} from '../types.ts'

type Why = BodyOf<'cancelDeployment'>

/** The events behind a position, and where to go on. */
export interface EventPage {
  readonly events: readonly DeploymentEvent[]
  readonly status: string
  readonly ended: boolean
  readonly nextAfter: number
}

/** Brings module versions to environments. */
export class Deployments {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Asks for a deployment. Sent with an `Idempotency-Key`: however often it is repeated, it is made once. */
  async create(body: CreateDeployment, options?: RequestOptions): Promise<DeploymentAccepted> {
    return this.#call('createDeployment', { body }, options)
  }

  /** All of one deployment. */
  async getStatus(executionId: string, options?: RequestOptions): Promise<Deployment> {
    return this.#call('getDeployment', { path: { executionId } }, options)
  }

  /** Deployments, newest first. */
  list(query: QueryOf<'listDeployments'> = {}, options?: RequestOptions): Paged<DeploymentSummary> {
    return new Paged(async (cursor) => {
      const page = await this.#call('listDeployments', { query: { ...query, cursor } }, options)
      return { items: page.deployments, cursor: page.cursor }
    }, query.cursor ?? undefined)
  }

  /** What a deployment would do, by the functions that would do it; changes nothing. */
  async plan(body: CreateDeployment, options?: RequestOptions): Promise<Plan> {
    return this.#call('planDeployment', { body }, options)
  }

  /** Undoes a completed deployment by a new one, which is answered. */
  async rollback(executionId: string, body: Why = {}, options?: RequestOptions): Promise<Deployment> {
    return this.#call('rollBackDeployment', { path: { executionId }, body }, options)
  }

  /** Goes on where a deployment that did not complete ended, by a new one, which is answered. */
  async retry(
    executionId: string,
    body: BodyOf<'retryDeployment'> = {},
    options?: RequestOptions,
  ): Promise<Deployment> {
    return this.#call('retryDeployment', { path: { executionId }, body }, options)
  }

  /** Stops a deployment and gives touched nodes back what they ran. */
  async cancel(executionId: string, body: Why = {}, options?: RequestOptions): Promise<Deployment> {
    return this.#call('cancelDeployment', { path: { executionId }, body }, options)
  }

  /** Stops the bake and keeps what is left of it. */
  async pause(executionId: string, body: Why = {}, options?: RequestOptions): Promise<Deployment> {
    return this.#call('pauseDeployment', { path: { executionId }, body }, options)
  }

  /** Goes on with a paused bake. */
  async resume(executionId: string, body: Why = {}, options?: RequestOptions): Promise<Deployment> {
    return this.#call('resumeDeployment', { path: { executionId }, body }, options)
  }

  /** Ends this bake now and lets it be judged; `all` ends every bake of this environment. */
  async promote(
    executionId: string,
    body: BodyOf<'promoteDeployment'> = {},
    options?: RequestOptions,
  ): Promise<Deployment> {
    return this.#call('promoteDeployment', { path: { executionId }, body }, options)
  }

  /** The events behind `after`; with `waitSeconds` (at most 20) it waits for one. `watch` asks on and on. */
  async events(
    executionId: string,
    query: QueryOf<'listDeploymentEvents'> = {},
    options: RequestOptions = {},
  ): Promise<EventPage> {
    // An attempt that is told to wait needs that much longer.
    const timeout =
      options.timeout === undefined && query.waitSeconds ? { timeout: 30_000 + query.waitSeconds * 1000 } : {}
    const input = { path: { executionId }, query }
    return (await this.#call('listDeploymentEvents', input, { ...options, ...timeout })) as EventPage
  }

  /** What the judge decided, and the numbers behind it: both sides, test, interval and threshold. Oldest first. */
  verdicts(
    executionId: string,
    query: QueryOf<'listDeploymentVerdicts'> = {},
    options?: RequestOptions,
  ): Paged<Verdict> {
    return new Paged(async (cursor) => {
      const after = cursor === undefined ? query.after : Number(cursor)
      const input = { path: { executionId }, query: { ...query, after } }
      const page = await this.#call('listDeploymentVerdicts', input, options)
      return { items: page.verdicts, cursor: page.nextAfter === null ? null : String(page.nextAfter) }
    })
  }

  /** Every event of a deployment, each once and in order, as it happens, until the deployment has ended. */
  watch(executionId: string, options: WatchOptions = {}): AsyncGenerator<DeploymentEvent, void, undefined> {
    return follow((after, waitSeconds) => this.events(executionId, { after, waitSeconds }, options), options)
  }

  /**
   * Polls until the deployment has ended, however it ended, and answers all of it.
   *
   * @param pollInterval milliseconds between two looks
   * @param timeout milliseconds to wait at most
   * @throws TimeoutError when it has not ended by then; the deployment goes on.
   */
  async waitForCompletion(
    executionId: string,
    pollInterval = 5_000,
    timeout = 600_000,
    options: RequestOptions = {},
  ): Promise<Deployment> {
    const until = Date.now() + timeout
    for (;;) {
      const deployment = await this.getStatus(executionId, options)
      if (isEnd(deployment.status)) return deployment
      const left = until - Date.now()
      if (left <= 0) {
        throw new TimeoutError(`Deployment ${executionId} is ${deployment.status} after ${timeout} ms.`, timeout)
      }
      await pause(Math.min(pollInterval, left), options.signal)
    }
  }
}
