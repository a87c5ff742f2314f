import { problem, refused } from '../fake-api.ts'
import { ID } from './records.ts'
import { Terminal } from './terminal.ts'

describe('what went wrong, and what to do next', () => {
  test.each<[() => Response | Error, string[]]>([
    [
      () => problem(401, { detail: 'The token has expired.' }),
      ['The token has expired. (request r-1)', 'hotswap login --url https://api.test'],
    ],
    [() => problem(403), ['Detail.', 'hotswap whoami']],
    [() => problem(404), ['hotswap deployments']],
    [() => problem(409, { currentStatus: 'Completed' }), ['It is Completed by now']],
    [() => problem(409), ['Detail. (request r-1)']],
    [
      () =>
        problem(400, {
          errors: [
            { field: 'reason', rule: 'too long' },
            { field: '', rule: 'odd' },
          ],
        }),
      ['  reason: too long', '  body: odd'],
    ],
    [() => problem(429, {}, { 'retry-after': '999' }), ['Try again']],
    [refused, ['ECONNREFUSED', 'Is HotSwap at https://api.test?', 'make run']],
  ])('%#', async (failure, told) => {
    const terminal = new Terminal(() => failure())

    expect(await terminal.run('pause', ID)).toBe(1)
    for (const each of told) expect(terminal.err).toContain(each)
    expect(terminal.out).toBe('')
  })

  test('in JSON', async () => {
    const terminal = new Terminal(() => problem(404))

    expect(await terminal.run('pause', ID, '--json')).toBe(1)
    expect(JSON.parse(terminal.err).error).toMatchObject({ name: 'NotFoundError', status: 404, requestId: 'r-1' })
  })

  test('text of others cannot steer the terminal', async () => {
    const terminal = new Terminal(() => problem(409, { detail: '\u001b[2Jgone\u0008\u009b' }))

    await terminal.run('pause', ID)

    expect(terminal.err).not.toContain('\u001b')
    expect(terminal.err).toContain('gone')
  })

  test('Ctrl-C is 130', async () => {
    const terminal = new Terminal(() => {
      terminal.interrupt()
      return refused()
    })

    expect(await terminal.run('whoami')).toBe(130)
  })
})
