import type { HookTarget, StageHooks } from '../../types.ts'
import { numberOf } from '../arguments.ts'
import type { Command, Context, Option } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { plain } from '../paint.ts'

const STAGES = ['build', 'test', 'validation'] as const
type HookStage = (typeof STAGES)[number]

const MODULE: Option = {
  type: 'string',
  value: 'MODULE',
  help: 'for this module; else for every one that says nothing else',
}

/** What the stages of a deployment ask. */
export const HOOK_COMMANDS: readonly Command[] = [
  {
    name: 'hooks',
    summary: 'Show what Build, Test and Validation ask',
    operands: ['[module]'],
    examples: ['hotswap hooks', 'hotswap hooks payment-processor'],
    async run({ client, world, print }, [module]) {
      const hooks = await client.hooks.get(module, { signal: world.signal })
      print(hooks, hookLines(hooks))
      return EXIT.completed
    },
  },
  {
    name: 'hooks set',
    summary: 'Let a stage ask a URL or a Lambda function, and wait for its word',
    operands: ['<stage>', '<url-or-function>'],
    options: {
      module: MODULE,
      timeout: { type: 'string', value: 'SECONDS', help: 'until its outcome must be known (300)' },
    },
    examples: [
      'hotswap hooks set test https://ci.example.com/hotswap --timeout 900',
      'hotswap hooks set validation hotswap-hook-check-payments --module payment-processor',
    ],
    async run(context, [stage = '', whom = ''], values) {
      const timeoutSeconds = numberOf(textOf(values, 'timeout'), 'timeout', 300)
      const target = whom.includes('://') ? { url: whom, timeoutSeconds } : { function: whom, timeoutSeconds }
      return change(context, textOf(values, 'module'), stageOf(stage), target)
    },
  },
  {
    name: 'hooks unset',
    summary: 'Let a stage ask nobody any more',
    operands: ['<stage>'],
    options: { module: MODULE },
    examples: ['hotswap hooks unset test', 'hotswap hooks unset test --module payment-processor'],
    run: (context, [stage = ''], values) => change(context, textOf(values, 'module'), stageOf(stage), null),
  },
  {
    name: 'hooks secret',
    summary: 'Make the next secret that calls are signed with, and show it once',
    operands: [],
    examples: ['hotswap hooks secret'],
    async run({ client, world, print }) {
      const made = await client.hooks.rotateSecret({}, { signal: world.signal })
      print(made, [made.secret])
      return EXIT.completed
    },
  },
]

async function change(
  { client, world, print }: Context,
  module: string | undefined,
  stage: HookStage,
  target: HookTarget | null,
): Promise<number> {
  const options = { signal: world.signal }
  const { build, test, validation } = await client.hooks.get(module, options)
  const body = { build, test, validation, [stage]: target }
  const hooks = await (module === undefined
    ? client.hooks.put(body, options)
    : client.hooks.putForModule(module, body, options))
  print(hooks, hookLines(hooks))
  return EXIT.completed
}

function stageOf(text: string): HookStage {
  const found = STAGES.find((each) => each === text.toLowerCase())
  if (found === undefined) throw new UsageError(`${JSON.stringify(text)} is none of ${STAGES.join(', ')}.`)
  return found
}

function hookLines(hooks: StageHooks): string[] {
  return STAGES.map((stage) => {
    const target = hooks[stage]
    const asks =
      target === null ? '–' : `${plain(target.url ?? target.function ?? '')}  within ${target.timeoutSeconds} s`
    return `${stage.padEnd(10)}  ${asks}`
  })
}
