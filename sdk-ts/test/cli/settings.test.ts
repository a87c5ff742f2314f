import { writeFileSync } from 'node:fs'
import { json } from '../fake-api.ts'
import { AT, ID } from './records.ts'
import { Terminal } from './terminal.ts'

const ASKED = { url: 'https://ci.example.com/hotswap', function: null, timeoutSeconds: 300 }
const HOOKS = { moduleName: null, build: null, test: ASKED, validation: null, changedBy: 'ada', changedAt: AT }
const CONFIGURATION = {
  moduleName: 'a-b',
  environment: 'Production',
  revision: 3,
  deployedRevision: 2,
  values: { feeBp: 290 },
  runsOn: { zone: 'a' },
  reason: 'PAY-17',
  changedBy: 'dana',
  changedAt: AT,
}

describe('hooks', () => {
  test('says what every stage asks', async () => {
    const terminal = new Terminal(() => json(200, HOOKS))

    await terminal.run('hooks')

    expect(terminal.out).toBe(
      'build       –\ntest        https://ci.example.com/hotswap  within 300 s\nvalidation  –\n',
    )
  })

  test.each<[string, string, unknown]>([
    [
      'hooks set validation https://x.example/a --timeout 900',
      '/api/v1/hooks',
      { build: null, test: ASKED, validation: { url: 'https://x.example/a', timeoutSeconds: 900 } },
    ],
    [
      'hooks set build hotswap-hook-own --module a-b',
      '/api/v1/modules/a-b/hooks',
      { build: { function: 'hotswap-hook-own', timeoutSeconds: 300 }, test: ASKED, validation: null },
    ],
    ['hooks unset test', '/api/v1/hooks', { build: null, test: null, validation: null }],
  ])('hotswap %s changes that stage and no other', async (line, path, body) => {
    const terminal = new Terminal(() => json(200, HOOKS))

    expect(await terminal.run(...line.split(' '))).toBe(0)

    expect(terminal.api.paths()).toEqual([`GET ${path}`, `PUT ${path}`])
    expect(terminal.api.seen[1]?.body).toEqual(body)
  })

  test('a secret is printed alone, to be piped on', async () => {
    const terminal = new Terminal(() => json(200, { version: 2, secret: 'whsec_x' }))

    await terminal.run('hooks', 'secret')

    expect(terminal.out).toBe('whsec_x\n')
  })
})

describe('webhooks', () => {
  const webhook = {
    webhookId: ID,
    url: 'https://example.com/x',
    eventTypes: ['*'],
    moduleName: null,
    description: '',
    createdBy: 'ada',
    createdAt: AT,
  }

  test('are told of everything, unless events are named; the secret goes to the output, the rest beside it', async () => {
    const terminal = new Terminal(() => json(201, { ...webhook, secret: 'whsec_x' }))

    await terminal.run('webhooks', 'add', webhook.url)
    await terminal.run('webhooks', 'add', webhook.url, '--event', 'DeploymentEnded', '--module', 'a-b')

    expect(terminal.api.seen.map((each) => each.body)).toEqual([
      { url: webhook.url, eventTypes: ['*'] },
      { url: webhook.url, eventTypes: ['DeploymentEnded'], moduleName: 'a-b' },
    ])
    expect(terminal.out).toBe('whsec_x\n')
    expect(terminal.err).toContain(`${ID}: keep the secret`)
  })

  test('are listed with their events', async () => {
    const terminal = new Terminal(() => json(200, { webhooks: [webhook] }))

    await terminal.run('webhooks')

    expect(terminal.out).toContain(`${ID}  https://example.com/x  *       every module`)
  })

  test('show what became of their deliveries, whatever the receiver said', async () => {
    const delivery = {
      eventId: 'x',
      eventType: 'DeploymentEnded',
      status: 'Failed',
      attempts: 8,
      nextAttemptAt: null,
      message: 'Status 500.\u001b[2J',
      createdAt: AT,
      endedAt: AT,
    }
    const terminal = new Terminal(() => json(200, { deliveries: [delivery] }))

    await terminal.run('webhooks', 'deliveries', ID)

    expect(terminal.out).toContain('DeploymentEnded  Failed  8      Status 500.')
    expect(terminal.out).not.toContain('\u001b')
  })

  test('are removed, and get new secrets', async () => {
    const terminal = new Terminal(({ method }) =>
      method === 'DELETE' ? new Response(null, { status: 204 }) : json(200, { version: 2, secret: 'whsec_y' }),
    )

    expect(await terminal.run('webhooks', 'remove', ID)).toBe(0)
    await terminal.run('webhooks', 'secret', ID)

    expect(terminal.out).toBe('whsec_y\n')
    expect(terminal.api.paths()).toEqual([`DELETE /api/v1/webhooks/${ID}`, `POST /api/v1/webhooks/${ID}/secret`])
  })
})

describe('configuration', () => {
  test('says which revision runs', async () => {
    const terminal = new Terminal(() => json(200, CONFIGURATION))

    await terminal.run('configuration', 'a-b', 'prod')

    expect(terminal.out).toBe('revision 3; 2 runs\nfeeBp=290\non nodes with zone=a\n')
  })

  test.each<[string, unknown]>([
    [
      'currencies=["EUR"] note=a=b',
      { values: { feeBp: 290, currencies: ['EUR'], note: 'a=b' }, runsOn: { zone: 'a' } },
    ],
    ['--runs-on zone=b --runs-on disk=ssd', { values: { feeBp: 290 }, runsOn: { zone: 'b', disk: 'ssd' } }],
    ['--everywhere -m moved', { values: { feeBp: 290 }, runsOn: {}, reason: 'moved' }],
  ])('set %s changes what it is told and nothing else, and only what was read', async (words, body) => {
    const terminal = new Terminal(() => json(200, CONFIGURATION))

    expect(await terminal.run('configuration', 'set', 'a-b', 'prod', ...words.split(' '))).toBe(0)

    expect(terminal.api.seen[1]?.body).toEqual({ ...(body as object), expectedRevision: 3 })
    expect(terminal.err).toContain('hotswap deploy a-b VERSION Production')
  })

  test('a file holds all values', async () => {
    const terminal = new Terminal(() => json(200, CONFIGURATION))
    writeFileSync(`${terminal.home}/values.json`, '{"feeBp": 1}')

    await terminal.run('configuration', 'set', 'a-b', 'prod', '--file', `${terminal.home}/values.json`)

    expect(terminal.api.seen[1]?.body).toMatchObject({ values: { feeBp: 1 } })
  })

  test('its history says who and why', async () => {
    const terminal = new Terminal(() => json(200, { revisions: [CONFIGURATION] }))

    await terminal.run('configuration', 'history', 'a-b', 'prod')

    expect(terminal.out).toContain('dana  PAY-17  {"feeBp":290}')
  })
})
