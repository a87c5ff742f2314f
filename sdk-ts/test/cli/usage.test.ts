import { COMMANDS } from '../../src/cli/commands.ts'
import { Terminal } from './terminal.ts'

describe('what is not understood ends with 64, says why, and asks the API nothing', () => {
  test.each([
    ['deplyo', 'no command "deplyo"'],
    ['dep', 'did you mean deploy?'],
    ['deploy payment-processor', '<version> is missing: hotswap deploy <module> <version> <environment>'],
    ['deploy a-b 1.0.0 moon', '"moon" is none of Development, QA, Staging, Production'],
    ['deploy a-b 1.0.0 prod extra', '"extra" is too much'],
    ['deploy a-b 1.0.0 prod --metadata x', '--metadata must be KEY=VALUE'],
    ['deploy a-b 1.0.0 prod --hotfix why', 'belong together'],
    ['deploy a-b 1.0.0 prod --nope', "Unknown option '--nope'. See hotswap help deploy."],
    ['deployments --limit 0', '--limit must be a whole number'],
    ['deployments --status Gone', '"Gone" is none of Pending'],
    ['policy set prod', 'Say what to change'],
    ['policy', 'no command "policy"'],
    ['completion tcsh', 'is none of bash, zsh, fish'],
    ['login', '<username> is missing'],
    ['login dana', 'use --password-stdin'],
  ])('hotswap %s', async (line, told) => {
    const terminal = new Terminal()

    expect(await terminal.run(...line.split(' '))).toBe(64)
    expect(terminal.err).toContain(told)
    expect(terminal.api.seen).toEqual([])
  })

  test('in JSON when JSON was asked for', async () => {
    const terminal = new Terminal()

    await terminal.run('deploy', '--json')

    expect(JSON.parse(terminal.err).error.name).toBe('UsageError')
  })
})

describe('help', () => {
  test.each([[], ['help'], ['--help'], ['-h']])(
    'hotswap %s lists every command and exit code',
    async (...words: string[]) => {
      const terminal = new Terminal()

      expect(await terminal.run(...words)).toBe(0)
      for (const { name } of COMMANDS) expect(terminal.out).toContain(`  ${name}`)
      for (const code of ['0 ', '1 ', '2 ', '3 ', '64']) expect(terminal.out).toContain(`\n  ${code}`)
    },
  )

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    '%s shows its options and an example',
    async (name, { options, examples }) => {
      const terminal = new Terminal()

      expect(await terminal.run(...name.split(' '), '--help')).toBe(0)
      const shown = terminal.out
      expect(await terminal.run('help', ...name.split(' '))).toBe(0)

      expect(terminal.out).toBe(shown)
      for (const option of Object.keys(options ?? {})) expect(shown).toContain(`--${option}`)
      expect(examples.length).toBeGreaterThan(0)
      for (const example of examples) expect(shown).toContain(example)
    },
  )

  test('--version', async () => {
    const terminal = new Terminal()

    expect(await terminal.run('--version')).toBe(0)
    expect(terminal.out).toBe('0.0.0-test\n')
  })
})

describe('completion', () => {
  test.each([
    [['dep'], ['deploy', 'deployments']],
    [['modules', 'p'], ['push']],
    [
      ['deploy', 'a', '1.0.0', ''],
      ['Development', 'Production', 'QA', 'Staging'],
    ],
    [['deploy', '--ski'], ['--skip']],
    [['deployments', '--environment', 'P'], ['Production']],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['watch', ''], ['latest']],
    [['nope', ''], []],
  ])('%j', async (words, expected) => {
    const terminal = new Terminal()

    await terminal.run('__complete', ...words)

    expect(terminal.out.split('\n').filter(Boolean)).toEqual(expected)
  })

  test.each(['bash', 'zsh', 'fish'])('%s has a script', async (shell) => {
    const terminal = new Terminal()

    expect(await terminal.run('completion', shell)).toBe(0)
    expect(terminal.out).toContain('hotswap __complete')
  })
})
