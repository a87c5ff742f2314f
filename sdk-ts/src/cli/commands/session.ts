import { OrchestrationClient } from '../../client.ts'
import type { Credentials } from '../../options.ts'
import type { KeptTokens } from '../../session.ts'
import type { Command, Context } from '../command.ts'
import { completionScript, SHELLS } from '../completion.ts'
import { EXIT, UsageError } from '../exit.ts'

/** Who you are. */
export const SESSION_COMMANDS: readonly Command[] = [
  {
    name: 'login',
    summary: 'Log in and stay so for the commands that follow',
    operands: ['[username]'],
    options: { 'password-stdin': { type: 'boolean', help: 'read the password from standard input instead of asking' } },
    examples: [
      'hotswap login --url https://hotswap.example.com dana',
      'pass show hotswap | hotswap login dana --password-stdin',
    ],
    run: logIn,
  },
  {
    name: 'logout',
    summary: 'End the session, here and at the API',
    operands: [],
    examples: ['hotswap logout'],
    async run({ client, session, print }) {
      if ((await session.read())?.tokens !== undefined) await client.auth.logout()
      await session.remove()
      print({ loggedOut: true }, ['Logged out.'])
      return EXIT.completed
    },
  },
  {
    name: 'whoami',
    summary: 'Show who you are and what you may be',
    operands: [],
    examples: ['hotswap whoami'],
    async run({ client, print, url, world }) {
      const user = await client.auth.me({ signal: world.signal })
      print(user, [`${user.username} at ${url}: ${user.roles.join(', ')}`])
      return EXIT.completed
    },
  },
  {
    name: 'password',
    summary: 'Change your own password; every other session ends',
    operands: [],
    examples: ['hotswap password'],
    async run({ client, world, print }) {
      const currentPassword = await world.ask?.('Current password: ', true)
      const newPassword = await world.ask?.('New password: ', true)
      if (!currentPassword || !newPassword) throw new UsageError('Nobody can be asked for the passwords here.')
      const { user } = await client.auth.changePassword({ currentPassword, newPassword }, { signal: world.signal })
      print(user, ['The password is changed.'])
      return EXIT.completed
    },
  },
  {
    name: 'completion',
    summary: 'Print what makes a shell complete these commands',
    operands: ['<shell>'],
    examples: [
      'source <(hotswap completion bash)',
      'hotswap completion fish > ~/.config/fish/completions/hotswap.fish',
    ],
    async run({ world }, [shell]) {
      const found = SHELLS.find((each) => each === shell)
      if (found === undefined) throw new UsageError(`${JSON.stringify(shell)} is none of ${SHELLS.join(', ')}.`)
      world.stdout.write(`${completionScript(found)}\n`)
      return EXIT.completed
    },
  },
]

async function logIn(context: Context, [name]: readonly string[], values: Record<string, unknown>): Promise<number> {
  const { world, url, session, print } = context
  const credentials = await asked(context, name, values['password-stdin'] === true)
  // With a store of its own: what an earlier login left must not be renewed on the way.
  let kept: KeptTokens | undefined
  const client = new OrchestrationClient({
    baseUrl: url,
    credentials,
    fetch: world.fetch,
    tokenStore: {
      read: async () => kept,
      write: async (tokens) => {
        kept = tokens
      },
      exclusively: (work) => work(),
    },
  })
  const user = await client.authenticate()
  await session.write({ url, username: user.username, tokens: kept })
  const next = user.mustChangePassword ? ['The password is a temporary one; choose yours: hotswap password'] : []
  print({ url, ...user }, [`Logged in to ${url} as ${user.username} (${user.roles.join(', ')}).`, ...next])
  return EXIT.completed
}

async function asked({ world }: Context, name: string | undefined, isPiped: boolean): Promise<Credentials> {
  const username = name ?? world.env['HOTSWAP_USERNAME'] ?? (await world.ask?.('User name: '))
  if (!username) throw new UsageError('<username> is missing: hotswap login USERNAME')
  const password = isPiped
    ? (await world.readStdin()).replace(/\r?\n$/, '')
    : (world.env['HOTSWAP_PASSWORD'] ?? (await world.ask?.(`Password of ${username}: `, true)))
  if (!password) throw new UsageError('Nobody can be asked for the password here; use --password-stdin.')
  return { username, password }
}
