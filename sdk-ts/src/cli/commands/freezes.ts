import type { Environment, Freeze, Policy } from '../../types.ts'
import { environmentOf } from '../arguments.ts'
import type { Command, Context, Values } from '../command.ts'
import { textOf, textsOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { type Paint, plain, table } from '../paint.ts'
import { changedPolicy } from './policies.ts'

/** When an environment may not be changed. */
export const FREEZE_COMMANDS: readonly Command[] = [
  {
    name: 'freezes',
    summary: "Show an environment's calendar of freezes",
    operands: ['<environment>'],
    examples: ['hotswap freezes prod'],
    async run({ client, world, print, paint }, [environment = '']) {
      const policy = await client.clusters.getPolicy(environmentOf(environment), { signal: world.signal })
      const found = freezesOf(policy)
      print(found, found.length === 0 ? ['There are no freezes.'] : freezeTable(found, paint))
      return EXIT.completed
    },
  },
  {
    name: 'freeze',
    summary: 'Let nobody change an environment for a time, once or every week',
    operands: ['<environment>', '<name>'],
    options: {
      from: { type: 'string', value: 'TIME', help: '2026-12-20T18:00; weekly: 16:00 (00:00)' },
      until: {
        type: 'string',
        value: 'TIME',
        help: '2027-01-02T08:00; weekly: 08:00, of the next day where it is not later (24:00)',
      },
      on: { type: 'string', value: 'DAY', multiple: true, help: 'every week on this day, as often as you like' },
      zone: { type: 'string', value: 'ZONE', help: 'time zone of these times, such as Europe/Berlin (UTC)' },
      verb: {
        type: 'string',
        value: 'VERB',
        multiple: true,
        help: 'start, promote or approve, as often as you like (start, promote)',
      },
      refuse: { type: 'boolean', help: 'refuse what meets it; else it waits' },
      reason: { type: 'string', value: 'TEXT', short: 'm', help: 'why' },
    },
    examples: [
      'hotswap freeze prod year-end --from 2026-12-20T18:00 --until 2027-01-02T08:00 --zone Europe/Berlin -m "Few people"',
      'hotswap freeze prod weekend --on Saturday --on Sunday --zone Europe/Berlin',
    ],
    async run(context, [environment = '', name = ''], values) {
      const freeze = freezeFrom(name, values)
      return change(context, environmentOf(environment), (freezes) => [
        ...freezes.filter((each) => each.name !== name),
        freeze,
      ])
    },
  },
  {
    name: 'unfreeze',
    summary: 'Take a freeze out of the calendar; whoever waits for it goes on within a minute',
    operands: ['<environment>', '<name>'],
    examples: ['hotswap unfreeze prod year-end'],
    run: (context, [environment = '', name = '']) =>
      change(context, environmentOf(environment), (freezes) => {
        if (!freezes.some((each) => each.name === name))
          throw new UsageError(`There is no freeze ${JSON.stringify(name)}; see hotswap freezes ${environment}.`)
        return freezes.filter((each) => each.name !== name)
      }),
  },
]

async function change(
  { client, world, print, paint }: Context,
  environment: Environment,
  wanted: (freezes: readonly Freeze[]) => readonly Freeze[],
): Promise<number> {
  const options = { signal: world.signal }
  const current = await client.clusters.getPolicy(environment, options)
  const body = changedPolicy(current, { freezes: wanted(freezesOf(current)) })
  const found = freezesOf(await client.clusters.putPolicy(environment, body, options))
  print(found, found.length === 0 ? ['There are no freezes.'] : freezeTable(found, paint))
  return EXIT.completed
}

function freezesOf(policy: Policy): Freeze[] {
  return policy.freezes as unknown as Freeze[]
}

function freezeFrom(name: string, values: Values): Freeze {
  const [from, until, days] = [textOf(values, 'from'), textOf(values, 'until'), textsOf(values, 'on')]
  const [zone, reason, verbs] = [textOf(values, 'zone'), textOf(values, 'reason'), textsOf(values, 'verb')]
  if (days.length === 0 && (from === undefined || until === undefined))
    throw new UsageError('Say when: --from TIME --until TIME, or --on DAY for every week.')
  const times = { ...(from !== undefined && { begins: from }), ...(until !== undefined && { ends: until }) }
  return {
    name,
    ...(days.length === 0 ? { once: times } : { weekly: { days, ...times } }),
    ...(zone !== undefined && { timeZone: zone }),
    ...(verbs.length > 0 && { verbs }),
    // biome-ignore lint/suspicious/noThenProperty: the API calls it so, and nobody awaits it
    ...(values['refuse'] === true && { then: 'refuse' }),
    ...(reason !== undefined && { reason }),
  } as Freeze
}

function freezeTable(found: readonly Freeze[], paint: Paint): string[] {
  const rows = found.map((each) => [
    plain(each.name),
    (each.verbs ?? []).join(', '),
    each.then ?? '',
    each.once
      ? `${each.once.begins} – ${each.once.ends}`
      : `${each.weekly?.days.join(', ')} ${each.weekly?.begins}–${each.weekly?.ends}`,
    plain(each.timeZone ?? ''),
    plain(each.reason ?? ''),
  ])
  return table(['FREEZE', 'FORBIDS', 'THEN', 'WHEN', 'TIME ZONE', 'WHY'], rows, paint)
}
