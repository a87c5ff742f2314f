import type { Delivery, Webhook } from '../../types.ts'
import type { Command } from '../command.ts'
import { textOf, textsOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { type Paint, plain, table } from '../paint.ts'
import { ago, coloured } from '../text.ts'

/** Who is told of events. */
export const WEBHOOK_COMMANDS: readonly Command[] = [
  {
    name: 'webhooks',
    summary: 'List who is told of events',
    operands: [],
    examples: ['hotswap webhooks'],
    async run({ client, world, print, paint }) {
      const found = await client.webhooks.list({ signal: world.signal }).all()
      print(found, found.length === 0 ? ['Nobody is told of events.'] : webhookTable(found, paint))
      return EXIT.completed
    },
  },
  {
    name: 'webhooks add',
    summary: 'Tell a URL of events from now on; prints the secret to verify them with, once',
    operands: ['<url>'],
    options: {
      event: {
        type: 'string',
        value: 'TYPE',
        multiple: true,
        help: 'of these events only, as often as you like (every one)',
      },
      module: { type: 'string', value: 'MODULE', help: 'of this module only' },
      description: { type: 'string', value: 'TEXT', help: 'what it is for' },
    },
    examples: ['hotswap webhooks add https://example.com/hotswap --event DeploymentEnded --event ApprovalRequested'],
    async run({ client, world, print, note }, [url = ''], values) {
      const events = textsOf(values, 'event')
      const [moduleName, description] = [textOf(values, 'module'), textOf(values, 'description')]
      const body = {
        url,
        eventTypes: events.length === 0 ? ['*'] : events,
        ...(moduleName !== undefined && { moduleName }),
        ...(description !== undefined && { description }),
      }
      const added = await client.webhooks.add(body, { signal: world.signal })
      note(`${added.webhookId}: keep the secret, it is not shown again.`)
      print(added, [added.secret])
      return EXIT.completed
    },
  },
  {
    name: 'webhooks remove',
    summary: 'Tell a URL of nothing more',
    operands: ['<webhook>'],
    examples: ['hotswap webhooks remove 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ'],
    async run({ client, world, print }, [id = '']) {
      await client.webhooks.remove(id, { signal: world.signal })
      print({ webhookId: id }, [`${plain(id)} is told of nothing more.`])
      return EXIT.completed
    },
  },
  {
    name: 'webhooks deliveries',
    summary: 'Show what became of the newest events for a webhook',
    operands: ['<webhook>'],
    examples: ['hotswap webhooks deliveries 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ'],
    async run({ client, world, print, paint }, [id = '']) {
      const found = await client.webhooks.listDeliveries(id, { signal: world.signal }).all()
      print(found, found.length === 0 ? ['It was told of nothing yet.'] : deliveryTable(found, paint))
      return EXIT.completed
    },
  },
  {
    name: 'webhooks secret',
    summary: 'Make the next secret of a webhook, and show it once',
    operands: ['<webhook>'],
    examples: ['hotswap webhooks secret 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ'],
    async run({ client, world, print }, [id = '']) {
      const made = await client.webhooks.rotateSecret(id, {}, { signal: world.signal })
      print(made, [made.secret])
      return EXIT.completed
    },
  },
]

function webhookTable(found: readonly Webhook[], paint: Paint): string[] {
  const rows = found.map((each) => [
    each.webhookId,
    plain(each.url),
    each.eventTypes.join(', '),
    plain(each.moduleName ?? 'every module'),
    plain(each.description),
  ])
  return table(['WEBHOOK', 'URL', 'EVENTS', 'OF', 'FOR'], rows, paint)
}

function deliveryTable(found: readonly Delivery[], paint: Paint): string[] {
  const rows = found.map((each) => [
    ago(each.createdAt, Date.now()),
    each.eventType,
    coloured(each.status, paint),
    `${each.attempts}`,
    plain(each.message),
  ])
  return table(['WHEN', 'EVENT', 'STATUS', 'TRIES', 'LAST ANSWER'], rows, paint)
}
