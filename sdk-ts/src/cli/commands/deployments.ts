import { deploymentOf, environmentOf, executionIdOf, numberOf, statusOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textOf, textsOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { plain, table } from '../paint.ts'
import { ago, coloured } from '../text.ts'
import { verdictLines } from '../verdict-lines.ts'
import { Scene } from '../watch/scene.ts'
import { deploymentLines } from '../watch/view.ts'
import { watched } from '../watch/watched.ts'
import { REQUEST } from './request-options.ts'

/** Asking for deployments, and looking at them. */
export const DEPLOYMENT_COMMANDS: readonly Command[] = [
  {
    name: 'deploy',
    summary: 'Bring a module version to an environment',
    operands: ['<module>', '<version>', '<environment>'],
    options: {
      ...REQUEST,
      watch: { type: 'boolean', short: 'w', help: 'watch it, and end as it ends' },
      key: { type: 'string', value: 'TEXT', help: 'an idempotency key: the same key and request are one deployment' },
    },
    examples: [
      'hotswap deploy payment-processor 2.0.0 Production --watch',
      'hotswap deploy payment-processor 2.0.0 prod --metadata ticket=PAY-17 --key "$CI_JOB_ID" --json',
      'hotswap deploy payment-processor 2.0.1 prod --hotfix "Leaks card numbers" --skip QA --skip Staging',
    ],
    async run(context, operands, values) {
      const { client, world, print, isJson, note } = context
      const request = deploymentOf(operands, values, (name) => textsOf(values, name))
      const idempotencyKey = textOf(values, 'key')
      const accepted = await client.deployments.create(request, { signal: world.signal, idempotencyKey })
      const isWatched = values['watch'] === true
      if (!isWatched || isJson) print(accepted, [accepted.executionId])
      if (isWatched) return watched(context, accepted.executionId)
      if (!isJson) note(`Accepted. Watch it: hotswap watch ${accepted.executionId}`)
      return EXIT.completed
    },
  },
  {
    name: 'watch',
    summary: 'Watch a deployment until it ends, and end as it ends',
    operands: ['[executionId]'],
    examples: ['hotswap watch', 'hotswap watch 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ', 'hotswap watch latest --json | jq .type'],
    async run(context, [operand]) {
      return watched(context, await executionIdOf(operand, context))
    },
  },
  {
    name: 'deployments',
    summary: 'List deployments, newest first, or show one',
    operands: ['[executionId]'],
    options: {
      module: { type: 'string', value: 'NAME', help: 'only of this module' },
      environment: { type: 'string', value: 'ENVIRONMENT', help: 'only to this environment' },
      status: { type: 'string', value: 'STATUS', help: 'only in this status' },
      limit: { type: 'string', value: 'NUMBER', help: 'at most so many; default 20' },
    },
    examples: [
      'hotswap deployments',
      'hotswap deployments --environment prod --status RolledBack',
      'hotswap deployments latest --json',
    ],
    async run(context, [operand], values) {
      const { client, world, print, paint } = context
      const options = { signal: world.signal }
      if (operand !== undefined) {
        const deployment = await client.deployments.getStatus(await executionIdOf(operand, context), options)
        const scene = new Scene(deployment.executionId)
        scene.deployment = deployment
        print(deployment, deploymentLines(scene, { paint, now: Date.now(), width: world.stdout.columns ?? 100 }))
        return EXIT.completed
      }
      const limit = numberOf(textOf(values, 'limit'), 'limit', 20)
      const [module, environment, status] = ['module', 'environment', 'status'].map((name) => textOf(values, name))
      const query = {
        module,
        environment: environment === undefined ? undefined : environmentOf(environment),
        status: status === undefined ? undefined : statusOf(status),
        limit: Math.min(limit, 100),
      }
      const found = await client.deployments.list(query, options).all(limit)
      const rows = found.map((each) => [
        each.executionId,
        plain(each.moduleName),
        plain(each.version),
        each.targetEnvironment,
        coloured(each.status, paint),
        plain(each.requestedBy),
        ago(each.startTime, Date.now()),
      ])
      const heads = ['EXECUTION', 'MODULE', 'VERSION', 'TARGET', 'STATUS', 'BY', 'STARTED']
      print(found, rows.length === 0 ? ['No deployments.'] : table(heads, rows, paint))
      return EXIT.completed
    },
  },
  {
    name: 'verdicts',
    summary: 'Show what the judge decided, and by which numbers',
    operands: ['[executionId]'],
    options: { environment: { type: 'string', value: 'ENVIRONMENT', help: 'only of this environment' } },
    examples: ['hotswap verdicts', 'hotswap verdicts latest --environment prod', 'hotswap verdicts --json | jq .'],
    async run(context, [operand], values) {
      const { client, world, print, paint } = context
      const asked = textOf(values, 'environment')
      const query = { environment: asked === undefined ? undefined : environmentOf(asked) }
      const executionId = await executionIdOf(operand, context)
      const found = await client.deployments.verdicts(executionId, query, { signal: world.signal }).all()
      const lines = found.flatMap((verdict) => verdictLines(verdict, paint))
      print(found, lines.length === 0 ? ['No verdicts yet.'] : lines)
      return EXIT.completed
    },
  },
]
