import type { Approval } from '../../types.ts'
import { executionIdOf } from '../arguments.ts'
import type { Command, Context, Option, Values } from '../command.ts'
import { textOf } from '../command.ts'
import { EXIT } from '../exit.ts'
import { plain, table } from '../paint.ts'
import { coloured, span } from '../text.ts'

const REASON: Option = { type: 'string', value: 'TEXT', short: 'm', help: 'why' }
const OPTIONS: Readonly<Record<string, Option>> = {
  reason: REASON,
  id: { type: 'string', value: 'APPROVAL', help: 'the question you read; if another is asked by now, nothing happens' },
  for: { type: 'string', value: 'PERSON', help: 'in the place of somebody who delegated to you' },
}

/** What waits for people. */
export const APPROVAL_COMMANDS: readonly Command[] = [
  {
    name: 'approvals',
    summary: 'List what waits for a decision, what expires first first',
    operands: [],
    examples: ['hotswap approvals', 'hotswap approvals --json | jq -r .[].executionId'],
    async run({ client, world, print, paint }) {
      const found = await client.approvals.listPending({}, { signal: world.signal }).all()
      const rows = found.map((each) => [
        each.executionId,
        plain(each.moduleName),
        `${each.fromVersion === null ? '–' : plain(each.fromVersion)} → ${plain(each.version)}`,
        each.targetEnvironment,
        plain(each.requestedBy),
        `${each.decisions.length} of ${each.approversNeeded}`,
        span(each.remainingSeconds * 1000),
      ])
      const heads = ['EXECUTION', 'MODULE', 'CHANGE', 'ENVIRONMENT', 'ASKED BY', 'APPROVED', 'EXPIRES IN']
      print(found, rows.length === 0 ? ['Nothing waits for a decision.'] : table(heads, rows, paint))
      return EXIT.completed
    },
  },
  {
    name: 'approve',
    summary: 'Agree to the plan of a deployment; never your own',
    operands: ['<executionId>'],
    options: OPTIONS,
    examples: [
      'hotswap approve 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ --reason "Looked right in Staging"',
      'hotswap approve latest',
    ],
    run: (context, operands, values) => decide(context, operands, values, true),
  },
  {
    name: 'reject',
    summary: 'Refuse the plan of a deployment, which ends it',
    operands: ['<executionId>'],
    options: OPTIONS,
    examples: ['hotswap reject 01KAJ4Q8ZK8T2V0C5B3M9N7XYZ --reason "Wait for Monday"'],
    run: (context, operands, values) => decide(context, operands, values, false),
  },
  {
    name: 'withdraw',
    summary: 'Take back that you agreed, until enough others have',
    operands: ['<executionId>'],
    options: { reason: REASON },
    examples: ['hotswap withdraw latest -m "Wait for the migration"'],
    async run(context, [operand], values) {
      const id = await executionIdOf(operand, context)
      const reason = textOf(values, 'reason')
      const body = reason === undefined ? {} : { reason }
      const approval = await context.client.approvals.withdraw(id, body, { signal: context.world.signal })
      context.print(approval, [approval.stillNeeded.sentence])
      return EXIT.completed
    },
  },
  {
    name: 'comment',
    summary: 'Say something to whoever decides, without deciding',
    operands: ['<executionId>', '<text>'],
    examples: ['hotswap comment latest "Which ticket is this?"'],
    async run(context, [operand, text = '']) {
      const id = await executionIdOf(operand, context)
      const approval = await context.client.approvals.comment(id, { text }, { signal: context.world.signal })
      context.print(
        approval,
        approval.comments.map(({ by, text }) => plain(`${by}: ${text}`)),
      )
      return EXIT.completed
    },
  },
]

async function decide(
  context: Context,
  [operand]: readonly string[],
  values: Values,
  isApproved: boolean,
): Promise<number> {
  const { client, print, paint, world } = context
  const id = await executionIdOf(operand, context)
  const [reason, approvalId, onBehalfOf] = ['reason', 'id', 'for'].map((name) => textOf(values, name))
  const body = {
    ...(reason !== undefined && { reason }),
    ...(approvalId !== undefined && { approvalId }),
    ...(onBehalfOf !== undefined && { onBehalfOf }),
  }
  const options = { signal: world.signal }
  const approval: Approval = isApproved
    ? await client.approvals.approve(id, body, options)
    : await client.approvals.reject(id, body, options)
  print(approval, [
    `${plain(approval.moduleName)} ${plain(approval.version)} to ${approval.targetEnvironment}: ${coloured(approval.status, paint)}`,
  ])
  return EXIT.completed
}
