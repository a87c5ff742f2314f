import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'

/** Which new versions are deployed by themselves. */
export class DeployRules {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** A module's deploy rules. */
  list(name: string, options?: RequestOptions): Paged<ResultOf<'listDeployRules'>['rules'][number]> {
    return whole(async () => (await this.#call('listDeployRules', { path: { name } }, options)).rules)
  }

  /** Deploys every version of the module that appears from now on. */
  async add(
    name: string,
    body: BodyOf<'addDeployRule'> = {},
    options?: RequestOptions,
  ): Promise<ResultOf<'addDeployRule'>> {
    return this.#call('addDeployRule', { path: { name }, body }, options)
  }

  /** Lets nothing follow from new versions any more. */
  async remove(name: string, ruleId: string, options?: RequestOptions): Promise<void> {
    await this.#call('removeDeployRule', { path: { name, ruleId } }, options)
  }
}
