import type { Call } from '../client.ts'
import type { QueryOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'
import type { Cluster, ClusterSummary, Environment, Metrics, Policy, PolicyChange } from '../types.ts'

/** What each environment runs, how it is, what it measured, and its policy. */
export class Clusters {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** The environments in promotion order. */
  list(options?: RequestOptions): Paged<ClusterSummary> {
    return whole(async () => (await this.#call('listClusters', {}, options)).clusters)
  }

  /** An environment and all its nodes. */
  async get(environment: Environment, options?: RequestOptions): Promise<Cluster> {
    return this.#call('getCluster', { path: { environment } }, options)
  }

  /** What its nodes measured over time (the last hour unless told otherwise), and its `health` now. */
  async getMetrics(
    environment: Environment,
    query: QueryOf<'getClusterMetrics'> = {},
    options?: RequestOptions,
  ): Promise<Metrics> {
    return this.#call('getClusterMetrics', { path: { environment }, query }, options)
  }

  /** The policy in force. */
  async getPolicy(environment: Environment, options?: RequestOptions): Promise<Policy> {
    return this.#call('getPolicy', { path: { environment } }, options)
  }

  /** Puts a new revision of the policy in force, for deployments that start from now on. `expectedRevision` guards. */
  async putPolicy(environment: Environment, policy: PolicyChange, options?: RequestOptions): Promise<Policy> {
    return this.#call('putPolicy', { path: { environment }, body: policy }, options)
  }
}
