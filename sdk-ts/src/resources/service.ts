import type { Call } from '../client.ts'
import type { RequestOptions } from '../options.ts'
import type { Health } from '../types.ts'

/** The API itself. */
export class Service {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Whether the API and what it stands on can be reached. */
  async health(options?: RequestOptions): Promise<Health> {
    return this.#call('getHealth', {}, options)
  }

  /** The OpenAPI document of the server that answers. */
  async openapi(options?: RequestOptions): Promise<unknown> {
    return this.#call('getOpenapi', {}, options)
  }

  /** The page for people, as HTML. */
  async page(options?: RequestOptions): Promise<string> {
    return (await this.#call('getPage', {}, options)) as string
  }
}
