import type { RequestOptions } from '../../options.ts'
import type { Deployments } from '../../resources/deployments.ts'
import type { Deployment } from '../../types.ts'
import { executionIdOf } from '../arguments.ts'
import type { Command, Option } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { coloured } from '../text.ts'
import { watched } from '../watch/watched.ts'

const REASON: Readonly<Record<string, Option>> = {
  reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why, for whoever reads the audit later' },
}
const WATCH: Option = { type: 'boolean', short: 'w', help: 'watch it, and end as it ends' }

type Said = (
  deployments: Deployments,
  id: string,
  body: { reason?: string; all?: boolean },
  options: RequestOptions,
) => Promise<Deployment>

function signal(
  name: string,
  summary: string,
  say: Said,
  { makesNew = false, options = {} as Readonly<Record<string, Option>> } = {},
): Command {
  return {
    name,
    summary,
    operands: ['<executionId>'],
    options: { ...REASON, ...options, watch: WATCH },
    examples: [`hotswap ${name} 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ`, `hotswap ${name} latest --reason "Error budget is spent"`],
    async run(context, [operand], values) {
      const { client, print, paint, world, isJson } = context
      const reason = textOf(values, 'reason')
      const id = await executionIdOf(operand, context)
      const body = { ...(reason !== undefined && { reason }), ...(values['all'] === true && { all: true }) }
      const told = await say(client.deployments, id, body, { signal: world.signal })
      const isWatched = values['watch'] === true
      const line = makesNew
        ? `${told.executionId} follows ${id}: ${told.status}`
        : `${id} is ${coloured(told.status, paint)}`
      if (!isWatched || isJson) print(told, [line])
      return isWatched ? watched(context, told.executionId) : EXIT.completed
    },
  }
}

/** What people say to a deployment. */
export const SIGNAL_COMMANDS: readonly Command[] = [
  signal('pause', 'Stop the bake and keep what is left of it', (all, ...said) => all.pause(...said)),
  signal('resume', 'Go on with a paused bake', (all, ...said) => all.resume(...said)),
  signal('promote', 'End this bake now and let it be judged', (all, ...said) => all.promote(...said), {
    options: { all: { type: 'boolean', help: 'every bake of this environment, not only this one' } },
  }),
  signal('cancel', 'Stop a deployment and give touched nodes back what they ran', (all, ...said) =>
    all.cancel(...said),
  ),
  signal(
    'retry',
    'Go on, by a new deployment, where one that did not complete ended',
    (all, ...said) => all.retry(...said),
    {
      makesNew: true,
    },
  ),
  signal('rollback', 'Undo a completed deployment by a new one', (all, ...said) => all.rollback(...said), {
    makesNew: true,
  }),
]
