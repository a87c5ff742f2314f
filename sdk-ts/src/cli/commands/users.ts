import type { Account, Role } from '../../types.ts'
import { environmentOf } from '../arguments.ts'
import type { Command, Option, Values } from '../command.ts'
import { textOf, textsOf } from '../command.ts'
import { EXIT, UsageError } from '../exit.ts'
import { type Paint, plain, table } from '../paint.ts'

const ROLES = ['Viewer', 'Deployer', 'Approver', 'Admin'] as const satisfies readonly Role[]
const REASON: Option = { type: 'string', value: 'TEXT', short: 'm', help: 'why' }
const ACCESS: Readonly<Record<string, Option>> = {
  role: { type: 'string', value: 'ROLE', multiple: true, help: `${ROLES.join(', ')}; may be repeated` },
  environment: {
    type: 'string',
    value: 'ENVIRONMENT',
    multiple: true,
    help: 'where the roles count (everywhere); may be repeated',
  },
}
const CHANGES = ['disable', 'enable', 'unlock'] as const

/** People and machines that may log in. */
export const USER_COMMANDS: readonly Command[] = [
  {
    name: 'users',
    summary: 'List who may log in, and what they may be',
    operands: [],
    examples: ['hotswap users'],
    async run({ client, world, print, paint }) {
      const found = await client.users.list({}, { signal: world.signal }).all()
      print(found, userTable(found, paint))
      return EXIT.completed
    },
  },
  {
    name: 'users add',
    summary: 'Let somebody log in; prints a temporary password, once',
    operands: ['<username>'],
    options: { ...ACCESS, email: { type: 'string', value: 'ADDRESS', help: 'a contact' } },
    examples: ['hotswap users add erin --role Approver --environment prod'],
    async run({ client, world, print, note }, [username = ''], values) {
      const email = textOf(values, 'email')
      const body = { username, ...accessOf(values), ...(email !== undefined && { email }) }
      const made = await client.users.create(body, { signal: world.signal })
      note(`${plain(made.user.username)} must change it by ${made.expiresAt}; it is not shown again.`)
      print(made, [made.temporaryPassword])
      return EXIT.completed
    },
  },
  {
    name: 'users access',
    summary: 'Give somebody exactly these roles, in exactly these environments',
    operands: ['<username>'],
    options: ACCESS,
    examples: ['hotswap users access erin --role Approver --role Deployer --environment prod'],
    async run({ client, world, print, paint }, [username = ''], values) {
      const changed = await client.users.changeAccess(username, accessOf(values), { signal: world.signal })
      print(changed, userTable([changed], paint))
      return EXIT.completed
    },
  },
  ...CHANGES.map(
    (change): Command => ({
      name: `users ${change}`,
      summary: {
        disable: 'End every session of somebody and let them in no more',
        enable: 'Let somebody in again',
        unlock: 'Forget the wrong passwords that lock somebody out',
      }[change],
      operands: ['<username>'],
      options: { reason: REASON },
      examples: [`hotswap users ${change} erin -m "Asked by phone"`],
      async run({ client, world, print, paint }, [username = ''], values) {
        const changed = await client.users[change](username, whyOf(values), { signal: world.signal })
        print(changed, userTable([changed], paint))
        return EXIT.completed
      },
    }),
  ),
  {
    name: 'users reset',
    summary: 'Make a temporary password for somebody who forgot theirs, and show it once',
    operands: ['<username>'],
    options: { reason: REASON },
    examples: ['hotswap users reset erin -m "Asked in person"'],
    async run({ client, world, print }, [username = ''], values) {
      const made = await client.users.resetPassword(username, whyOf(values), { signal: world.signal })
      print(made, [made.temporaryPassword])
      return EXIT.completed
    },
  },
]

function accessOf(values: Values): { roles: (typeof ROLES)[number][]; environments: Account['environments'] } {
  const roles = textsOf(values, 'role').map(roleOf)
  if (roles.length === 0) throw new UsageError('Say what they may be: --role ROLE.')
  return { roles, environments: textsOf(values, 'environment').map(environmentOf) }
}

function roleOf(text: string): (typeof ROLES)[number] {
  const found = ROLES.find((each) => each.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw new UsageError(`${JSON.stringify(text)} is none of ${ROLES.join(', ')}.`)
  return found
}

function whyOf(values: Values): { reason?: string } {
  const reason = textOf(values, 'reason')
  return reason === undefined ? {} : { reason }
}

function userTable(found: readonly Account[], paint: Paint): string[] {
  const rows = found.map((each) => [
    plain(each.username),
    each.roles.join(', '),
    each.environments.join(', ') || 'everywhere',
    each.lockedUntil === null ? each.status : `locked until ${each.lockedUntil}`,
  ])
  return table(['USER', 'ROLES', 'WHERE', 'STATUS'], rows, paint)
}
