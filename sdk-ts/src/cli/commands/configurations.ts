import type { Configuration } from '../../types.ts'
import { environmentOf, jsonFile, jsonOrText, pairsOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textOf, textsOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { type Paint, plain, table } from '../paint.ts'
import { ago } from '../text.ts'

/** What modules are told in an environment. */
export const CONFIGURATION_COMMANDS: readonly Command[] = [
  {
    name: 'configuration',
    summary: 'Show what a module is told in an environment, and which revision runs',
    operands: ['<module>', '<environment>'],
    examples: ['hotswap configuration payment-processor prod'],
    async run({ client, world, print }, [module = '', environment = '']) {
      const found = await client.configurations.get(module, environmentOf(environment), { signal: world.signal })
      print(found, configurationLines(found))
      return EXIT.completed
    },
  },
  {
    name: 'configuration set',
    summary: 'Make the next revision; it reaches the nodes with the next deployment, and is taken back with it',
    operands: ['<module>', '<environment>', '[key=value...]'],
    options: {
      file: { type: 'string', value: 'PATH', short: 'f', help: 'all values, as a JSON object' },
      'runs-on': { type: 'string', value: 'LABEL=VALUE', multiple: true, help: 'only on nodes with this label' },
      everywhere: { type: 'boolean', help: 'on nodes with any labels' },
      reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' },
    },
    examples: [
      'hotswap configuration set payment-processor prod feeBp=290 -m PAY-17',
      'hotswap configuration set payment-processor prod --file production.json --runs-on zone=a',
    ],
    async run({ client, world, print, note }, [module = '', text = '', ...pairs], values) {
      const environment = environmentOf(text)
      const [file, labels] = [textOf(values, 'file'), textsOf(values, 'runs-on')]
      const everywhere = values['everywhere'] === true
      if (file === undefined && pairs.length === 0 && labels.length === 0 && !everywhere)
        throw new UsageError('Say what to change: KEY=VALUE, --file PATH, --runs-on LABEL=VALUE or --everywhere.')
      if (everywhere && labels.length > 0) throw new UsageError('--everywhere and --runs-on exclude each other.')
      const options = { signal: world.signal }
      const current = await client.configurations.get(module, environment, options)
      const given = file === undefined ? current.values : ((await jsonFile(file)) as Configuration['values'])
      const changed = Object.entries(pairsOf(pairs, 'value')).map(([name, value]) => [name, jsonOrText(value)])
      const reason = textOf(values, 'reason')
      const body = {
        values: { ...given, ...Object.fromEntries(changed) },
        runsOn: everywhere ? {} : labels.length > 0 ? pairsOf(labels, 'runs-on') : current.runsOn,
        // What was read is what is replaced: somebody else's change in between is a conflict, not lost.
        expectedRevision: current.revision,
        ...(reason !== undefined && { reason }),
      }
      const made = await client.configurations.put(module, environment, body, options)
      note(`It reaches the nodes with the next deployment: hotswap deploy ${module} VERSION ${environment}`)
      print(made, configurationLines(made))
      return EXIT.completed
    },
  },
  {
    name: 'configuration history',
    summary: 'List the revisions of a configuration, the newest first',
    operands: ['<module>', '<environment>'],
    examples: ['hotswap configuration history payment-processor prod'],
    async run({ client, world, print, paint }, [module = '', environment = '']) {
      const options = { signal: world.signal }
      const found = await client.configurations.listRevisions(module, environmentOf(environment), {}, options).all()
      print(found, found.length === 0 ? ['It was never configured.'] : historyTable(found, paint))
      return EXIT.completed
    },
  },
]

function configurationLines(found: Configuration): string[] {
  const { revision, deployedRevision, values, runsOn } = found
  const labels = Object.entries(runsOn).map(([name, value]) => `${name}=${value}`)
  return [
    `revision ${revision}${revision === deployedRevision ? ', which runs' : `; ${deployedRevision} runs`}`,
    ...Object.entries(values).map(([name, value]) => plain(`${name}=${JSON.stringify(value)}`)),
    ...(labels.length === 0 ? [] : [plain(`on nodes with ${labels.join(', ')}`)]),
  ]
}

function historyTable(found: readonly Configuration[], paint: Paint): string[] {
  const rows = found.map((each) => [
    `${each.revision}`,
    each.changedAt === null ? '–' : ago(each.changedAt, Date.now()),
    plain(each.changedBy ?? '–'),
    plain(each.reason),
    plain(JSON.stringify(each.values)),
  ])
  return table(['REVISION', 'WHEN', 'BY', 'WHY', 'VALUES'], rows, paint)
}
