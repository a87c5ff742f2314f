import type { Call } from '../client.ts'
import type { BodyOf, QueryOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'

import type { Environment } from '../types.ts'

/** What a module is told in an environment, revisioned; a change reaches the nodes with the next deployment. */
export class Configurations {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** The configuration the next deployment takes, and the revision that runs. */
  async get(name: string, environment: Environment, options?: RequestOptions): Promise<ResultOf<'getConfiguration'>> {
    return this.#call('getConfiguration', { path: { name, environment } }, options)
  }

  /** Makes the next revision. */
  async put(
    name: string,
    environment: Environment,
    body: BodyOf<'putConfiguration'>,
    options?: RequestOptions,
  ): Promise<ResultOf<'putConfiguration'>> {
    return this.#call('putConfiguration', { path: { name, environment }, body }, options)
  }

  /** Earlier revisions, the newest first. */
  listRevisions(
    name: string,
    environment: Environment,
    query: QueryOf<'listConfigurationRevisions'> = {},
    options?: RequestOptions,
  ): Paged<ResultOf<'listConfigurationRevisions'>['revisions'][number]> {
    const input = { path: { name, environment }, query }
    return whole(async () => (await this.#call('listConfigurationRevisions', input, options)).revisions)
  }
}
