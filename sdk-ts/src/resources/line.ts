import type { Call } from '../client.ts'
import type { BodyOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import type { LineState } from '../types.ts'

/** The line: whether anything may go on. */
export class Line {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** Whether anything may go on, and who waits. */
  async get(options?: RequestOptions): Promise<LineState> {
    return this.#call('getLine', {}, options)
  }

  /** Lets no deployment begin and promotes no wave; rollbacks still run. */
  async stop(body: BodyOf<'stopLine'>, options?: RequestOptions): Promise<LineState> {
    return this.#call('stopLine', { body }, options)
  }

  /** Lets everything go on that waits for the line. */
  async resume(body: BodyOf<'resumeLine'> = {}, options?: RequestOptions): Promise<LineState> {
    return this.#call('resumeLine', { body }, options)
  }

  /** Limits how many deployments change something at once; null lifts the limit. */
  async limit(body: BodyOf<'limitLine'>, options?: RequestOptions): Promise<LineState> {
    return this.#call('limitLine', { body }, options)
  }
}
