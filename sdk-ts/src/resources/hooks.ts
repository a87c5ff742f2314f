import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'

/** What Build, Test and Validation ask: a URL or a function. */
export class Hooks {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** What the stages of every module ask by default, or what those of one module ask. */
  async get(moduleName?: string, options?: RequestOptions): Promise<ResultOf<'getHooks'>> {
    if (moduleName === undefined) return this.#call('getHooks', {}, options)
    return this.#call('getModuleHooks', { path: { name: moduleName } }, options)
  }

  /** Lets the stages of every module ask. */
  async put(body: BodyOf<'putHooks'>, options?: RequestOptions): Promise<ResultOf<'putHooks'>> {
    return this.#call('putHooks', { body }, options)
  }

  /** Lets the stages of one module ask something else than those of the others. */
  async putForModule(
    name: string,
    body: BodyOf<'putModuleHooks'>,
    options?: RequestOptions,
  ): Promise<ResultOf<'putModuleHooks'>> {
    return this.#call('putModuleHooks', { path: { name }, body }, options)
  }

  /** Makes the next secret that hook calls are signed with, and shows it once. */
  async rotateSecret(
    body: BodyOf<'rotateHookSecret'> = {},
    options?: RequestOptions,
  ): Promise<ResultOf<'rotateHookSecret'>> {
    return this.#call('rotateHookSecret', { body }, options)
  }

  /** As the endpoint that was asked, with the token of the call: says the outcome. */
  async answer(
    callId: string,
    callbackToken: string,
    body: BodyOf<'answerHookCall'>,
    options: RequestOptions = {},
  ): Promise<ResultOf<'answerHookCall'>> {
    const headers = { ...options.headers, Authorization: `Bearer ${callbackToken}` }
    return this.#call('answerHookCall', { path: { callId }, body }, { ...options, headers })
  }
}
