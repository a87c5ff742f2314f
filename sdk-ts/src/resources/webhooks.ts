import type { Call } from '../client.ts'
import type { BodyOf, ResultOf } from '../http/operation.ts'
import type { RequestOptions } from '../options.ts'
import { type Paged, whole } from '../pages.ts'

/** Who is told of events. */
export class Webhooks {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  /** All webhooks. */
  list(options?: RequestOptions): Paged<ResultOf<'listWebhooks'>['webhooks'][number]> {
    return whole(async () => (await this.#call('listWebhooks', {}, options)).webhooks)
  }

  /** One webhook. */
  async get(webhookId: string, options?: RequestOptions): Promise<ResultOf<'getWebhook'>> {
    return this.#call('getWebhook', { path: { webhookId } }, options)
  }

  /** Tells a URL of events from now on; the answer shows the secret to verify them with, once. */
  async add(body: BodyOf<'addWebhook'>, options?: RequestOptions): Promise<ResultOf<'addWebhook'>> {
    return this.#call('addWebhook', { body }, options)
  }

  /** Tells it of nothing more. */
  async remove(webhookId: string, options?: RequestOptions): Promise<void> {
    await this.#call('removeWebhook', { path: { webhookId } }, options)
  }

  /** What became of the newest events for a webhook. */
  listDeliveries(webhookId: string, options?: RequestOptions): Paged<ResultOf<'listDeliveries'>['deliveries'][number]> {
    return whole(async () => (await this.#call('listDeliveries', { path: { webhookId } }, options)).deliveries)
  }

  /** Makes the webhook's next secret and shows it once; the one before stays valid for the overlap. */
  async rotateSecret(
    webhookId: string,
    body: BodyOf<'rotateWebhookSecret'> = {},
    options?: RequestOptions,
  ): Promise<ResultOf<'rotateWebhookSecret'>> {
    return this.#call('rotateWebhookSecret', { path: { webhookId }, body }, options)
  }
}
