import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'
import type { Environment, Node } from '../types.ts'

type Why = BodyOf<'cordonNode'>

/** The places modules run in. */
export class Nodes {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** The nodes of an environment, by name. */
  list(environment: Environment, options?: RequestOptions): Paged<Node> {
    return whole(async () => (await this.#call('listNodes', { path: { environment } }, options)).nodes)
  }

  /** One node. */
  async get(nodeId: string, options?: RequestOptions): Promise<Node> {
    return this.#call('getNode', { path: { nodeId } }, options)
  }

  /** What became of a node: health, drift, and what operators said of it. */
  async history(nodeId: string, options?: RequestOptions): Promise<ResultOf<'getNodeHistory'>> {
    return this.#call('getNodeHistory', { path: { nodeId } }, options)
  }

  /** Gives a node exactly these labels; modules placed by them follow. */
  async label(nodeId: string, body: BodyOf<'labelNode'>, options?: RequestOptions): Promise<Node> {
    return this.#call('labelNode', { path: { nodeId }, body }, options)
  }

  /** A token with which one node enrols; it is told once. */
  async createEnrolToken(
    environment: Environment,
    body: BodyOf<'createEnrolToken'> = {},
    options?: RequestOptions,
  ): Promise<ResultOf<'createEnrolToken'>> {
    return this.#call('createEnrolToken', { path: { environment }, body }, options)
  }

  /** Makes a function's alias a node: deployments of its module move the share of its traffic. */
  async registerAlias(
    environment: Environment,
    body: BodyOf<'registerAlias'>,
    options?: RequestOptions,
  ): Promise<Node> {
    return this.#call('registerAlias', { path: { environment }, body }, options)
  }

  /** Keeps a node out of new rollouts. */
  async cordon(nodeId: string, body: Why = {}, options?: RequestOptions): Promise<Node> {
    return this.#call('cordonNode', { path: { nodeId }, body }, options)
  }

  /** Lets a node take part in new rollouts again. */
  async uncordon(nodeId: string, body: Why = {}, options?: RequestOptions): Promise<Node> {
    return this.#call('uncordonNode', { path: { nodeId }, body }, options)
  }

  /** Keeps a node out of new rollouts, because it is about to go. */
  async drain(nodeId: string, body: Why = {}, options?: RequestOptions): Promise<Node> {
    return this.#call('drainNode', { path: { nodeId }, body }, options)
  }

  /** Removes a node for good; its credential counts no more. */
  async remove(nodeId: string, body: Why = {}, options?: RequestOptions): Promise<Node> {
    return this.#call('removeNode', { path: { nodeId }, body }, options)
  }

  /** As a node: exchanges a one-time token for an identity, a credential and the trust roots. */
  async enrol(body: BodyOf<'enrolNode'>, options?: RequestOptions): Promise<ResultOf<'enrolNode'>> {
    return this.#call('enrolNode', { body }, options)
  }

  /** As a node, with its credential: reports what is, and learns what should be. */
  async heartbeat(
    nodeId: string,
    credential: string,
    body: BodyOf<'reportHeartbeat'>,
    options: RequestOptions = {},
  ): Promise<ResultOf<'reportHeartbeat'>> {
    const headers = { ...options.headers, Authorization: `Bearer ${credential}` }
    return this.#call('reportHeartbeat', { path: { nodeId }, body }, { ...options, headers })
  }
}
