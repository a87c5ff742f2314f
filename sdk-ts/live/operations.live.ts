import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zipSync } from 'fflate'
import { promised } from '../examples/promised-usage.ts'
import { signerFromPem } from '../src/artifact.ts'
import { OrchestrationClient } from '../src/client.ts'
import { NotFoundError, PermissionError, ValidationError } from '../src/errors.ts'
import { OPERATIONS } from '../src/generated/operations.ts'
import type { DeploymentEvent, EventType } from '../src/types.ts'
import { verifyWebhook, type WebhookMessage } from '../src/webhook-signature.ts'
import { clientOf, facts, MODULE } from './here.ts'
import { Issuer } from './issuer.ts'

const answered = new Set<string>()
const routes = Object.entries(OPERATIONS).map(([operation, { method, path }]) => ({
  operation,
  method,
  pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/{\w+}/g, '[^/]+')}$`),
  isFixed: !path.includes('{'),
}))

/** Notes which operations the stack has answered well. */
const noting: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  const { pathname, origin } = new URL(String(input))
  const fitting = routes.filter(({ method, pattern }) => method === (init?.method ?? 'GET') && pattern.test(pathname))
  const found = fitting.find(({ isFixed }) => isFixed) ?? fitting[0]
  if (response.ok && origin === facts().url && found !== undefined) {
    answered.add(found.operation)
    await recorded(found.operation, init, response.clone())
  }
  return response
}

const examples: Record<string, { request?: unknown; response?: unknown }> = {}

/** Keeps what an operation was asked and answered first: `make examples` makes the document's examples of it. */
async function recorded(operation: string, init: RequestInit | undefined, response: Response): Promise<void> {
  const text = await response.text()
  if (examples[operation] !== undefined || operation === 'getOpenapi' || text.startsWith('<')) return
  const json = (part: unknown) => (typeof part === 'string' && part !== '' ? shown(JSON.parse(part)) : undefined)
  examples[operation] = { request: json(init?.body), response: json(text) }
}

const SECRET =
  /^(accessToken|refreshToken|idToken|password|currentPassword|newPassword|temporaryPassword|token|credential)$/

/** Without secrets, and with the first two of many. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 2).map(shown)
  if (typeof value === 'string') return value.replace(/http:\/\/127\.0\.0\.1:\d+/g, 'https://ci.example.com')
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (SECRET.test(name)) return [name, '…']
      if (name === 'secret') return [name, 'whsec_…']
      if (name === 'link') return [name, '/api/v1/approvals/link#…']
      if (name === 'uploadUrl' || name === 'downloadUrl') return [name, 'https://artifacts.example.com/…']
      return [name, shown(each)]
    }),
  )
}

afterAll(() => {
  const file = process.env['HOTSWAP_RECORD']
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(examples, null, 1)}\n`)
})

const [ada, dana, amal, vic] = ['ada', 'dana', 'amal', 'vic'].map((name) => clientOf(name, { fetch: noting })) as [
  OrchestrationClient,
  OrchestrationClient,
  OrchestrationClient,
  OrchestrationClient,
]
const DEVELOPMENT = { moduleName: MODULE, targetEnvironment: 'Development' } as const

/** Sets how long Development bakes. */
async function bakeFor(bakeSeconds: number): Promise<void> {
  const {
    environment: _e,
    revision,
    changedBy: _b,
    changedAt: _a,
    ...policy
  } = await ada.clusters.getPolicy('Development')
  const strategy = { ...policy.strategy, bakeSeconds }
  const changed = await ada.clusters.putPolicy('Development', {
    ...policy,
    strategy,
    expectedRevision: revision,
  } as never)
  expect(changed.revision).toBe(revision + 1)
}

/** Follows a deployment; says `reply` to the first event of each type that has one. */
async function followed(
  executionId: string,
  replies: Partial<Record<EventType, () => Promise<unknown>>> = {},
): Promise<DeploymentEvent[]> {
  const seen: DeploymentEvent[] = []
  const open = { ...replies }
  for await (const event of dana.deployments.watch(executionId)) {
    seen.push(event)
    const reply = open[event.type]
    delete open[event.type]
    await reply?.()
  }
  expect(Object.keys(open)).toEqual([])
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1))
  return seen
}

test('the service', async () => {
  expect(await vic.service.health()).toMatchObject({ status: 'ok' })
  expect(await vic.service.openapi()).toMatchObject({ openapi: '3.1.0' })
  expect(await vic.service.page()).toContain('<html')
  expect((await vic.auth.publicKeys()).keys.length).toBeGreaterThan(0)
})

test('logging in, renewing, logging out', async () => {
  const { url, passwords } = facts()
  const client = new OrchestrationClient({ baseUrl: url, fetch: noting })
  const { refreshToken } = await client.auth.login({ username: 'vic', password: passwords['vic'] ?? '' })
  expect(await client.auth.me()).toMatchObject({ username: 'vic', roles: ['Viewer'] })
  const renewed = await client.auth.refresh(refreshToken)
  expect(renewed.user.username).toBe('vic')
  client.setToken(renewed.accessToken)
  await client.auth.logout()
  await expect(client.auth.me()).rejects.toMatchObject({ name: 'AuthenticationError' })
})

test('people', async () => {
  const username = `erin-${Date.now().toString(36)}`
  const { temporaryPassword } = await ada.users.create({ username, roles: ['Viewer'] })
  expect((await ada.users.get(username)).roles).toEqual(['Viewer'])
  expect((await ada.users.list().all()).map((user) => user.username)).toContain(username)
  const erin = new OrchestrationClient({
    baseUrl: facts().url,
    credentials: { username, password: temporaryPassword },
    fetch: noting,
  })
  await erin.authenticate()
  await erin.auth.changePassword({ currentPassword: temporaryPassword, newPassword: 'a long way to Tipperary 17' })
  expect((await erin.auth.me()).mustChangePassword).toBe(false)
  await ada.users.changeAccess(username, { roles: ['Deployer'], environments: ['QA'] })
  await ada.users.disable(username, { reason: 'left' })
  expect((await ada.users.enable(username)).status).not.toBe('disabled')
  await ada.users.unlock(username)
  expect((await ada.users.resetPassword(username)).temporaryPassword).not.toBe(temporaryPassword)
})

test('a job of a trusted issuer logs in with its identity token', async () => {
  const issuer = await new Issuer().start()
  try {
    await ada.issuers.trust({
      name: 'live-ci',
      url: issuer.url,
      audience: 'hotswap',
      rules: [{ claims: { repository: ['acme/payments'] }, roles: ['Deployer'], environments: ['Development'] }],
    })
    expect((await ada.issuers.list().all()).map(({ name }) => name)).toContain('live-ci')
    expect((await ada.issuers.get('live-ci')).url).toBe(issuer.url)
    const identityToken = () => issuer.token({ sub: 'repo:acme/payments', aud: 'hotswap', repository: 'acme/payments' })
    const job = new OrchestrationClient({ baseUrl: facts().url, identityToken, fetch: noting })
    expect((await job.auth.me()).roles).toEqual(['Deployer'])
    expect((await job.auth.exchange(identityToken())).accessToken).toBeTruthy()
    await ada.issuers.distrust('live-ci')
  } finally {
    await issuer.stop()
  }
})

test('modules and signing keys', async () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const sign = await signerFromPem(pem)
  const { keyId } = await ada.signingKeys.add({ publicKey: sign.publicKey, owner: 'live tests' })
  expect(keyId).toBe(sign.keyId)
  expect((await vic.signingKeys.list().all()).map((key) => key.keyId)).toContain(keyId)

  const [name, version] = ['live-module', `1.0.0-${Date.now()}`]
  const zip = zipSync({
    'hotswap.json': new TextEncoder().encode(JSON.stringify({ name, version, command: ['true'] })),
  })
  expect(await dana.modules.publish({ name, version, zip, sign })).toMatchObject({ moduleName: name, version, keyId })
  expect((await vic.modules.list().all()).map(({ moduleName }) => moduleName)).toEqual(
    expect.arrayContaining([name, MODULE]),
  )
  expect((await vic.modules.listVersions(name).all()).map((each) => each.version)).toContain(version)
  expect((await ada.modules.quarantine(name, version, { reason: 'a test' })).status).toBe('Quarantined')
  expect((await ada.modules.release(name, version, { reason: 'over' })).status).not.toBe('Quarantined')
  expect((await ada.signingKeys.revoke(keyId)).revokedAt).not.toBeNull()
})

test('clusters and their metrics', async () => {
  const clusters = await vic.clusters.list().all()
  expect(clusters.map(({ environment }) => environment)).toEqual(['Development', 'QA', 'Staging', 'Production'])
  expect((await vic.clusters.get('Production')).nodes).toHaveLength(10)
  expect((await vic.clusters.getMetrics('Production', { interval: '1h', module: MODULE })).health).toBe('healthy')
})

test('a deployment is planned, paused, resumed, promoted, rolled back', async () => {
  await bakeFor(120)
  const plan = await dana.deployments.plan({ ...DEVELOPMENT, version: '2.0.0' })
  expect(plan.environments.map(({ environment }) => environment)).toEqual(['Development'])

  const { executionId } = await dana.deployments.create({
    ...DEVELOPMENT,
    version: '2.0.0',
    metadata: { ticket: 'PAY-17' },
  })
  const events = await followed(executionId, {
    WaveDeployed: () => dana.deployments.pause(executionId, { reason: 'wait' }),
    Paused: () => dana.deployments.resume(executionId),
    Resumed: () => dana.deployments.promote(executionId, { all: true }),
  })
  expect(events.at(-1)).toMatchObject({ type: 'DeploymentEnded', detail: { status: 'Completed' } })
  expect(await dana.deployments.getStatus(executionId)).toMatchObject({
    status: 'Completed',
    metadata: { ticket: 'PAY-17' },
  })
  expect(await vic.deployments.verdicts(executionId).all()).toMatchObject([{ decision: 'promote', final: true }])
  expect((await vic.deployments.list({ module: MODULE }).all()).map((each) => each.executionId)).toContain(executionId)

  const undoing = await dana.deployments.rollback(executionId)
  await followed(undoing.executionId, { WaveDeployed: () => dana.deployments.promote(undoing.executionId) })
  expect(await dana.deployments.waitForCompletion(undoing.executionId, 200)).toMatchObject({
    status: 'Completed',
    undoes: executionId,
  })

  // What was rolled back does not come back before somebody says so.
  expect((await vic.modules.listQuarantine(MODULE).all()).map(({ version }) => version)).toContain('2.0.0')
  const left = await ada.modules.releaseQuarantine(MODULE, 'Development', { version: '2.0.0', reason: 'It was a test' })
  expect(left.quarantines).toMatchObject([{ releasedBy: 'ada' }])
})

test('a deployment is cancelled and retried', async () => {
  const { executionId } = await dana.deployments.create({ ...DEVELOPMENT, version: '2.0.0' })
  await followed(executionId, { WaveDeployed: () => dana.deployments.cancel(executionId) })
  expect((await dana.deployments.getStatus(executionId)).status).toBe('Cancelled')

  await bakeFor(0)
  const again = await dana.deployments.retry(executionId)
  expect(await dana.deployments.waitForCompletion(again.executionId, 200)).toMatchObject({ status: 'Completed' })
})

test('approvals', async () => {
  const asked = { ...DEVELOPMENT, version: '1.0.0', requireApproval: true, allowDowngrade: true }
  const refused = await dana.deployments.create(asked)
  await followed(refused.executionId, {
    ApprovalRequested: () => amal.approvals.reject(refused.executionId, { reason: 'Monday' }),
  })
  expect((await dana.deployments.getStatus(refused.executionId)).status).toBe('Rejected')

  const { executionId } = await dana.deployments.create(asked)
  await followed(executionId, {
    ApprovalRequested: async () => {
      const pending = await amal.approvals.listPending().all()
      expect(pending.map((each) => each.executionId)).toContain(executionId)
      const { approvalId } = await amal.approvals.get(executionId)
      expect((await amal.approvals.approve(executionId, { approvalId })).status).toBe('Approved')
    },
  })
  expect((await dana.deployments.getStatus(executionId)).status).toBe('Completed')
})

test('several approvals, words, second thoughts, links, stand-ins', async () => {
  const asked = { ...DEVELOPMENT, version: '2.0.0', requireApproval: true, allowDowngrade: true }
  await ada.line.get()
  const { executionId } = await dana.deployments.create(asked)
  await followed(executionId, {
    ApprovalRequested: async () => {
      expect((await amal.approvals.comment(executionId, { text: 'Why now?' })).comments).toHaveLength(1)
      const { link } = await amal.approvalLinks.make(executionId)
      const token = link.split(/[#=]/).at(-1) ?? ''
      expect(await amal.approvalLinks.page()).toContain('<html')
      expect((await amal.approvalLinks.read(token)).question).toBeTruthy()
      expect((await amal.approvalLinks.decide({ token, approved: true })).status).toBe('Approved')
    },
  })

  const other = await dana.deployments.create({ ...asked, version: '1.0.0' })
  await followed(other.executionId, {
    ApprovalRequested: async () => {
      const { outcomes } = await amal.approvals.decideMany({
        decisions: [{ executionId: other.executionId, approved: false }],
      })
      expect(outcomes).toHaveLength(1)
    },
  })
  expect((await dana.deployments.getStatus(other.executionId)).status).toBe('Rejected')

  const until = new Date(Date.now() + 3_600_000).toISOString()
  const { delegator, delegate } = await amal.delegations.delegate({ to: 'ada', until })
  expect((await amal.delegations.list().all()).map((each) => each.delegate)).toContain('ada')
  await amal.delegations.end(delegator, delegate)
})

test('an agreement is taken back while another one is needed', async () => {
  const {
    environment: _e,
    revision,
    changedBy: _b,
    changedAt: _a,
    ...policy
  } = await ada.clusters.getPolicy('Development')
  const two = { ...policy, approval: { ...policy.approval, required: true, approvers: 2 } }
  const changed = await ada.clusters.putPolicy('Development', { ...two, expectedRevision: revision } as never)
  try {
    const { executionId } = await dana.deployments.create({ ...DEVELOPMENT, version: '1.0.0', allowDowngrade: true })
    await followed(executionId, {
      ApprovalRequested: async () => {
        await amal.approvals.approve(executionId)
        expect((await amal.approvals.withdraw(executionId, { reason: 'Wait' })).status).toBe('Pending')
        await dana.deployments.cancel(executionId)
      },
    })
  } finally {
    await ada.clusters.putPolicy('Development', { ...policy, expectedRevision: changed.revision } as never)
  }
})

test('hooks ask an endpoint, which calls back; webhooks are told, and their messages verify', async () => {
  const messages: Promise<WebhookMessage>[] = []
  const calls: Record<string, string>[] = []
  let secret = ''
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', async () => {
      if (request.url === '/webhook') messages.push(verifyWebhook(secret, request.headers, body))
      else calls.push(JSON.parse(body))
      response.writeHead(request.url === '/webhook' ? 204 : 202).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    expect((await ada.hooks.rotateSecret()).secret).toMatch(/^whsec_/)
    expect((await ada.hooks.put({})).test).toBeNull()
    expect((await vic.hooks.get()).moduleName).toBeNull()
    await ada.hooks.putForModule(MODULE, { test: { url: `${here}/hook`, timeoutSeconds: 60 } })
    expect((await ada.hooks.get(MODULE)).test?.url).toBe(`${here}/hook`)
    const added = await ada.webhooks.add({ url: `${here}/webhook`, eventTypes: ['HookCalled'] })
    secret = added.secret
    expect((await vic.webhooks.list().all()).map(({ webhookId }) => webhookId)).toContain(added.webhookId)
    expect((await ada.webhooks.get(added.webhookId)).url).toBe(`${here}/webhook`)

    const { executionId } = await dana.deployments.create({ ...DEVELOPMENT, version: '2.0.0' })
    await followed(executionId, {
      HookCalled: async () => {
        while (calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
        const { callId = '', callbackToken = '' } = calls[0] ?? {}
        expect(
          (await vic.hooks.answer(callId, callbackToken, { status: 'Succeeded', message: '212 tests' })).status,
        ).toBe('Succeeded')
      },
    })
    expect((await dana.deployments.getStatus(executionId)).status).toBe('Completed')
    await vic.webhooks.listDeliveries(added.webhookId).all()
    for (const message of messages) expect(await message).toMatchObject({ type: 'HookCalled', data: { executionId } })
    expect((await ada.webhooks.rotateSecret(added.webhookId)).secret).not.toBe(secret)
    await ada.webhooks.remove(added.webhookId)
    await ada.hooks.putForModule(MODULE, {})
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('configurations and deploy rules', async () => {
  const { revision } = await ada.configurations.get(MODULE, 'QA')
  const next = await ada.configurations.put(MODULE, 'QA', {
    values: { feeBp: 290 },
    expectedRevision: revision,
  } as never)
  expect(next.revision).toBe(revision + 1)
  expect((await vic.configurations.listRevisions(MODULE, 'QA').all()).length).toBeGreaterThan(0)
  const { ruleId } = await ada.deployRules.add(MODULE, { targetEnvironment: 'Development' })
  expect((await vic.deployRules.list(MODULE).all()).map((rule) => rule.ruleId)).toContain(ruleId)
  await ada.deployRules.remove(MODULE, ruleId)
})

test('the line', async () => {
  expect((await vic.line.get()).state).toBe('running')
  expect((await ada.line.limit({ mostRunning: 5 })).mostRunning).toBe(5)
  expect((await ada.line.limit({ mostRunning: null })).mostRunning).toBeNull()
  expect((await ada.line.stop({ reason: 'a test' })).state).toBe('stopped')
  expect((await ada.line.resume({ reason: 'over' })).state).toBe('running')
})

test('nodes', async () => {
  const { token } = await ada.nodes.createEnrolToken('QA', { livesSeconds: 60 })
  const { nodeId, credential } = await ada.nodes.enrol({ token, name: 'live-test', labels: { zone: 'a' } })
  const told = await ada.nodes.heartbeat(nodeId, credential, {
    interval: 1,
    sentAt: Date.now(),
    kernelVersion: '0.1.0',
    modules: [],
    windows: [],
  } as never)
  expect(told.interval).toBe(1)
  expect((await vic.nodes.list('QA').all()).map(({ name }) => name)).toContain('live-test')
  expect((await vic.nodes.get(nodeId)).name).toBe('live-test')
  expect((await ada.nodes.label(nodeId, { labels: { zone: 'b' } })).labels).toEqual({ zone: 'b' })
  expect((await vic.nodes.history(nodeId)).changes.length).toBeGreaterThan(0)
  expect((await ada.nodes.cordon(nodeId)).status).toBe('Cordoned')
  expect((await ada.nodes.uncordon(nodeId)).status).toBe('Active')
  expect((await ada.nodes.drain(nodeId, { reason: 'goes' })).status).toBe('Draining')
  expect((await ada.nodes.remove(nodeId)).status).toBe('Removed')
  const alias = await ada.nodes.registerAlias('QA', {
    kind: 'lambda',
    name: 'payments-live',
    moduleName: 'payment-function',
    functionName: 'hotswap-node-payments',
    alias: 'live',
  })
  expect(alias.alias?.weights).toEqual({})
  expect((await ada.nodes.remove(alias.nodeId)).status).toBe('Removed')
})

test('the audit', async () => {
  const [record] = await ada.audit.list({ day: new Date().toISOString().slice(0, 10), limit: 5 }).all(5)
  const subject = record?.subject ?? ''
  expect((await ada.audit.list({ subject }).all()).length).toBeGreaterThan(0)
  expect((await ada.audit.verify(subject)).isWhole).toBe(true)
  expect((await ada.audit.verifyCheckpoints()).isWhole).toBe(true)
  await ada.audit.checkpoints().all(3)
})

test('what is refused is refused with its reason', async () => {
  await expect(vic.deployments.create({ ...DEVELOPMENT, version: '2.0.0' })).rejects.toBeInstanceOf(PermissionError)
  await expect(vic.modules.getVersion('no-such-module', '1.0.0')).rejects.toBeInstanceOf(NotFoundError)
  const error = await dana.deployments.create({ ...DEVELOPMENT, version: 'new' }).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ValidationError)
  expect((error as ValidationError).fieldErrors.map(({ field }) => field)).toEqual(['version'])
})

test('the promised usage runs unchanged', async () => {
  const { url, passwords } = facts()
  const options = { baseUrl: url, credentials: { username: 'dana', password: passwords['dana'] ?? '' } }

  const outcome = await promised(options, { moduleName: MODULE, version: '2.0.0', requesterEmail: 'dana@example.com' })

  expect(outcome).toEqual({ told: 'done', health: 'healthy' })
})

test('every operation of the document was answered above', () => {
  const missing = Object.keys(OPERATIONS).filter((operation) => !answered.has(operation))

  if (missing.length > 0)
    throw new Error(`Call ${missing.join(', ')} in sdk-ts/live/operations.live.ts, so that the stack answers.`)
  console.log(`operations answered by the stack: ${answered.size} of ${Object.keys(OPERATIONS).length}`)
})
