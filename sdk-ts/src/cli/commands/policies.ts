import type { Policy, PolicyChange } from '../../types.ts'
import { environmentOf, jsonFile, jsonOrText } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { plain } from '../paint.ts'

type Json = Record<string, unknown>

/** What the server owns of a policy. */
const OWNED = ['environment', 'revision', 'changedBy', 'changedAt'] as const

/** Policies. */
export const POLICY_COMMANDS: readonly Command[] = [
  {
    name: 'policy get',
    summary: "Show an environment's policy",
    operands: ['<environment>'],
    examples: ['hotswap policy get prod', 'hotswap policy get prod --json > production.json'],
    async run({ client, world, print }, [environment = '']) {
      const policy = await client.clusters.getPolicy(environmentOf(environment), { signal: world.signal })
      print(policy, policyLines(policy))
      return EXIT.completed
    },
  },
  {
    name: 'policy set',
    summary: "Change an environment's policy, for deployments that start from now on",
    operands: ['<environment>', '[key=value...]'],
    options: {
      file: { type: 'string', value: 'PATH', short: 'f', help: 'a whole policy, as policy get --json prints it' },
    },
    examples: [
      'hotswap policy set prod strategy.bakeSeconds=600 approval.approversNeeded=2',
      'hotswap policy set prod --file production.json',
    ],
    async run({ client, world, print }, [text = '', ...pairs], values) {
      const environment = environmentOf(text)
      const file = textOf(values, 'file')
      if (file === undefined && pairs.length === 0)
        throw new UsageError('Say what to change: KEY=VALUE or --file PATH.')
      const options = { signal: world.signal }
      const current = await client.clusters.getPolicy(environment, options)
      const wanted = structuredClone(file === undefined ? current : await jsonFile(file)) as Json
      for (const pair of pairs) change(wanted, pair)
      const policy = await client.clusters.putPolicy(environment, changedPolicy(current, wanted), options)
      print(policy, [`${environment} has revision ${policy.revision} of its policy now.`])
      return EXIT.completed
    },
  },
]

/** The policy that was read with other parts. It is what is replaced: a change in between is a conflict, not lost. */
export function changedPolicy(current: Policy, parts: Json): PolicyChange {
  const wanted: Json = { ...current, ...parts }
  for (const name of OWNED) delete wanted[name]
  return { ...wanted, expectedRevision: current.revision } as unknown as PolicyChange
}

/** Sets `a.b.c=value` in an object; the value is JSON where it is, else text. */
function change(policy: Json, pair: string): void {
  const at = pair.indexOf('=')
  if (at < 1) throw new UsageError(`What to change must be KEY=VALUE, not ${JSON.stringify(pair)}.`)
  const path = pair.slice(0, at).split('.')
  const last = path.pop() ?? ''
  let inner: Json = policy
  for (const name of path) {
    const next = Object.hasOwn(inner, name) ? inner[name] : undefined
    if (typeof next !== 'object' || next === null)
      throw new UsageError(`The policy has no ${pair.slice(0, at)}; see hotswap policy get.`)
    inner = next as Json
  }
  if (!Object.hasOwn(inner, last))
    throw new UsageError(`The policy has no ${pair.slice(0, at)}; see hotswap policy get.`)
  inner[last] = jsonOrText(pair.slice(at + 1))
}

/** A policy as `policy set` takes it: `strategy.kind=Canary`. */
function policyLines(policy: Policy): string[] {
  return flattened(policy as unknown as Json).map(
    ([name, value]) => `${name}=${plain(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
}

function flattened(json: Json, prefix = ''): [string, unknown][] {
  return Object.entries(json).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flattened(value as Json, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value] as [string, unknown]],
  )
}
