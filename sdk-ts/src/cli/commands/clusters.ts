import type { Cluster, ClusterSummary, Node } from '../../types.ts'
import { environmentOf, numberOf, pairsOf } from '../arguments.ts'
import type { Command, Context } from '../command.ts'
import { textOf, textsOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { type Paint, plain, table } from '../paint.ts'
import { ago, coloured, count, shortDigest } from '../text.ts'

const CHANGES = ['cordon', 'uncordon', 'drain', 'remove'] as const

/** Environments and their nodes. */
export const CLUSTER_COMMANDS: readonly Command[] = [
  {
    name: 'clusters',
    summary: 'Show how the environments are, or one of them',
    operands: ['[environment]'],
    examples: ['hotswap clusters', 'hotswap clusters prod'],
    async run({ client, world, print, paint }, [environment]) {
      const options = { signal: world.signal }
      if (environment === undefined) {
        const found = await client.clusters.list(options).all()
        print(
          found,
          table(
            ['ENVIRONMENT', 'HEALTH', 'NODES', 'RUNS'],
            found.map((each) => summaryRow(each, paint)),
            paint,
          ),
        )
        return EXIT.completed
      }
      const cluster = await client.clusters.get(environmentOf(environment), options)
      print(cluster, clusterLines(cluster, paint))
      return EXIT.completed
    },
  },
  {
    name: 'nodes',
    summary: 'List the nodes of an environment',
    operands: ['<environment>'],
    examples: ['hotswap nodes prod'],
    async run({ client, world, print, paint }, [environment = '']) {
      const found = await client.nodes.list(environmentOf(environment), { signal: world.signal }).all()
      print(found, nodeTable(found, paint))
      return EXIT.completed
    },
  },
  {
    name: 'nodes enrol-token',
    summary: 'Make a one-time token with which one node may enrol, and show it once',
    operands: ['<environment>'],
    options: {
      label: { type: 'string', value: 'KEY=VALUE', multiple: true, help: 'a label the node gets; may be repeated' },
      lives: { type: 'string', value: 'SECONDS', help: 'how long it may be used' },
    },
    examples: ['hotswap nodes enrol-token prod --label zone=a', 'TOKEN=$(hotswap nodes enrol-token dev)'],
    async run({ client, world, print }, [environment = ''], values) {
      const labels = pairsOf(textsOf(values, 'label'), 'label')
      const lives = textOf(values, 'lives')
      const body = {
        ...(Object.keys(labels).length > 0 && { labels }),
        ...(lives !== undefined && { livesSeconds: numberOf(lives, 'lives', 0) }),
      }
      const made = await client.nodes.createEnrolToken(environmentOf(environment), body, { signal: world.signal })
      print(made, [made.token])
      return EXIT.completed
    },
  },
  {
    name: 'nodes add-alias',
    summary: "Make a Lambda function's alias a node; deployments move the share of its traffic",
    operands: ['<environment>', '<function>', '<alias>'],
    options: {
      module: { type: 'string', value: 'MODULE', help: 'the module that the function is (required)' },
      name: { type: 'string', value: 'NAME', help: 'how the node is called; function and alias, unless given' },
      alarm: {
        type: 'string',
        value: 'NAME',
        multiple: true,
        help: 'an alarm that takes a wave back at once; may be repeated',
      },
    },
    examples: ['hotswap nodes add-alias prod hotswap-node-payments live --module payments --alarm payments-errors'],
    async run({ client, world, print }, [environment = '', functionName = '', alias = ''], values) {
      const moduleName = textOf(values, 'module')
      if (moduleName === undefined) throw new UsageError('--module says which module the function is.')
      const body = {
        kind: 'lambda' as const,
        name: textOf(values, 'name') ?? `${functionName}-${alias}`.slice(0, 63),
        moduleName,
        functionName,
        alias,
        alarms: textsOf(values, 'alarm'),
      }
      const made = await client.nodes.registerAlias(environmentOf(environment), body, { signal: world.signal })
      print(made, [plain(`${made.name} is looked at now; see hotswap nodes ${environment}.`)])
      return EXIT.completed
    },
  },
  {
    name: 'nodes history',
    summary: 'Show what has become of a node, newest first',
    operands: ['<environment>', '<node>'],
    examples: ['hotswap nodes history prod production-03'],
    async run(context, [environment = '', name = '']) {
      const node = await nodeOf(context, environment, name)
      const { changes } = await context.client.nodes.history(node.nodeId, { signal: context.world.signal })
      const rows = changes.map((each) => [each.at, each.what, plain(each.by ?? '–'), plain(each.reason)])
      context.print(changes, table(['AT', 'WHAT', 'BY', 'WHY'], rows, context.paint))
      return EXIT.completed
    },
  },
  {
    name: 'nodes label',
    summary: 'Give a node exactly these labels; modules placed by them follow',
    operands: ['<environment>', '<node>', '[label=value...]'],
    options: { reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' } },
    examples: ['hotswap nodes label prod production-03 zone=b -m moved'],
    async run(context, [environment = '', name = '', ...labels], values) {
      const node = await nodeOf(context, environment, name)
      const reason = textOf(values, 'reason')
      const body = { labels: pairsOf(labels, 'label'), ...(reason !== undefined && { reason }) }
      const changed = await context.client.nodes.label(node.nodeId, body, { signal: context.world.signal })
      const shown = Object.entries(changed.labels).map(([label, value]) => `${label}=${value}`)
      context.print(changed, [plain(`${changed.name}: ${shown.join(', ') || 'no labels'}`)])
      return EXIT.completed
    },
  },
  ...CHANGES.map(
    (change): Command => ({
      name: `nodes ${change}`,
      summary: {
        cordon: 'Keep a node out of new rollouts',
        uncordon: 'Let a node take part in new rollouts again',
        drain: 'Keep a node out of new rollouts, because it is about to go',
        remove: 'Remove a node for good',
      }[change],
      operands: ['<environment>', '<node>'],
      options: { reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' } },
      examples: [`hotswap nodes ${change} prod production-03 --reason "New disk"`],
      async run(context, [environment = '', name = ''], values) {
        const reason = textOf(values, 'reason')
        const node = await nodeOf(context, environment, name)
        const body = reason === undefined ? {} : { reason }
        const changed = await context.client.nodes[change](node.nodeId, body, { signal: context.world.signal })
        context.print(changed, [`${plain(changed.name)} is ${changed.status}.`])
        return EXIT.completed
      },
    }),
  ),
]

async function nodeOf({ client, world }: Context, environment: string, name: string): Promise<Node> {
  const nodes = await client.nodes.list(environmentOf(environment), { signal: world.signal }).all()
  const found = nodes.find((each) => each.name === name || each.nodeId === name)
  if (found === undefined)
    throw new UsageError(
      `There is no node ${JSON.stringify(name)} in ${environmentOf(environment)}; see hotswap nodes ${environment}.`,
    )
  return found
}

function summaryRow(cluster: ClusterSummary, paint: Paint): string[] {
  const { environment, health, healthyNodes, totalNodes, modules } = cluster
  return [
    environment,
    coloured(health, paint),
    `${healthyNodes} of ${totalNodes} healthy`,
    modules.map(moduleText).join(', ') || '–',
  ]
}

function moduleText(module: ClusterSummary['modules'][number]): string {
  const { moduleName, currentVersion, changingToVersion, driftedNodes } = module
  const changing = changingToVersion === null ? '' : ` → ${changingToVersion}`
  const drift = driftedNodes.length === 0 ? '' : ` (${count(driftedNodes.length, 'node')} drifted)`
  return plain(`${moduleName} ${currentVersion ?? '–'}${changing}${drift}`)
}

function clusterLines(cluster: Cluster, paint: Paint): string[] {
  const [, health = '', nodes = ''] = summaryRow(cluster, paint)
  const modules = cluster.modules.map(
    (module) => `  ${moduleText(module)}${module.executionId === null ? '' : `   hotswap watch ${module.executionId}`}`,
  )
  return [
    `${paint('bold', cluster.environment)}  ${health}  ${nodes}`,
    ...modules,
    '',
    ...nodeTable(cluster.nodes, paint),
  ]
}

function nodeTable(nodes: readonly Node[], paint: Paint): string[] {
  if (nodes.length === 0) return ['No nodes have enrolled.']
  const rows = nodes.map((node) => [
    plain(node.name),
    coloured(node.state, paint),
    node.status,
    plain(node.modules.map(({ moduleName, active }) => `${moduleName} ${shortDigest(active)}`).join(', ')) || '–',
    ago(node.lastHeartbeatAt, Date.now()),
  ])
  return table(['NODE', 'STATE', 'STATUS', 'RUNS', 'HEARD OF'], rows, paint)
}
