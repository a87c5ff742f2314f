import type { Plan } from '../../types.ts'
import { deploymentOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { textsOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { type Paint, plain } from '../paint.ts'
import { clock, count, span } from '../text.ts'
import { REQUEST } from './request-options.ts'

/** Saying beforehand what would happen. */
export const PLAN_COMMANDS: readonly Command[] = [
  {
    name: 'plan',
    summary: 'Say what a deployment would do, and change nothing; ends with 1 when it would not get through',
    operands: ['<module>', '<version>', '<environment>'],
    options: REQUEST,
    examples: [
      'hotswap plan payment-processor 2.0.0 prod',
      'hotswap plan payment-processor 2.0.0 prod --json | jq .worstCaseEnd',
    ],
    async run({ client, world, print, paint }, operands, values) {
      const request = deploymentOf(operands, values, (name) => textsOf(values, name))
      const plan = await client.deployments.plan(request, { signal: world.signal })
      print(plan, planLines(plan, paint))
      return plan.wouldRun ? EXIT.completed : EXIT.failed
    },
  },
]

/** A plan for people. */
export function planLines(plan: Plan, paint: Paint): string[] {
  const { moduleName, version, targetEnvironment, plannedAt, earliestEnd, worstCaseEnd, stateTransitions, cost } = plan
  const from = Date.parse(plannedAt)
  const end = (instant: string | null) =>
    instant === null ? 'never, as the calendar stands' : `${clock(instant)} (in ${span(Date.parse(instant) - from)})`
  return [
    `${paint('bold', `${plain(moduleName)} ${plain(version)}`)} → ${paint('bold', targetEnvironment)}`,
    ...plan.environments.flatMap((each) => environmentLines(each, paint)),
    '',
    `  ends at the earliest ${end(earliestEnd)}, at the latest ${end(worstCaseEnd)}`,
    `  ${stateTransitions.expected} state transitions (at most ${stateTransitions.atMost}), about $${cost.expectedUsd} (at most $${cost.atMostUsd})`,
    ...plan.refusals.map(({ environment, message }) => `  ${paint('red', '✖')} ${environment}: ${plain(message)}`),
    ...(plan.wouldRun ? [] : [`  ${paint('red', 'It would not get through.')}`]),
  ]
}

function environmentLines(each: Plan['environments'][number], paint: Paint): string[] {
  const { environment, action, why, strategy, fleet, gate, queuedBehind, freezes, waves } = each
  const facts = [strategy ?? '', fleet > 0 ? count(fleet, 'node') : '', why === null ? '' : paint('dim', plain(why))]
    .filter(Boolean)
    .join('   ')
  return [
    `  ${paint('bold', environment.padEnd(12))} ${action.padEnd(8)} ${facts}`.trimEnd(),
    ...(gate === null
      ? []
      : [
          `    ${paint('yellow', 'waits for')} ${gate.approvers === 1 ? 'one person' : `${gate.approvers} people`}, ${span(gate.expiresSeconds * 1000)} at most: ${plain(gate.why)}`,
        ]),
    ...(queuedBehind === null ? [] : [`    ${paint('yellow', 'waits behind')} ${plain(queuedBehind)}`]),
    ...freezes.map(
      ({ name, reason, until }) =>
        `    ${paint('yellow', 'frozen')} ${plain(name)} until ${until ?? 'further notice'}: ${plain(reason)}`,
    ),
    ...waves.map(
      ({ number, kind, nodes, percentBp, bakeSeconds }) =>
        `    wave ${number + 1}  ${kind} ${count(nodes, 'node')} (${percentBp / 100} %), bakes ${span(bakeSeconds * 1000)}`,
    ),
  ]
}
