// Takes the pictures of the documentation: `make pictures`. They are of a running stack, and of nothing else.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import type { DeploymentEvent } from '../../sdk-ts/src/index.ts'
import { clientOf, passwordOf, personAt, SKIPPED, settled, startBrowser, URL_OF_STACK } from './here.ts'
import { change, put } from './policies.ts'
import { terminalPage } from './terminal-page.ts'

const IMAGES = new URL('../../docs/images/', import.meta.url)
const ENVIRONMENTS = ['Development', 'QA', 'Staging', 'Production'] as const
const ASKED = { moduleName: 'payment-processor', targetEnvironment: 'Production' } as const
const dana = clientOf('dana')
const amal = clientOf('amal')

async function main(): Promise<void> {
  if (SKIPPED) throw new Error(SKIPPED)
  mkdirSync(IMAGES, { recursive: true })
  await prepare()
  const browser = await startBrowser()
  try {
    await good(browser)
    await bad(browser)
  } finally {
    await browser.close()
  }
}

/** 1.0.0 runs everywhere, and what a busy machine does to nodes and latencies is no reason to take anything back. */
async function prepare(): Promise<void> {
  const ada = clientOf('ada')
  const blind = { maxFailedNodes: 9, latencyFloorUs: 5_000_000, cpuFloorBp: 20_000 }
  const analysis = { ...blind, medianLatencyIncreasePct: 1_000, levelWindows: 2 }
  const clusters = await ada.clusters.list().all()
  const isThere = clusters.every(({ modules }) => modules.some(({ currentVersion }) => currentVersion === '1.0.0'))
  if (!isThere) {
    const kept = await Promise.all(ENVIRONMENTS.map((each) => ada.clusters.getPolicy(each)))
    const atOnce = { strategy: { kind: 'Direct', bakeSeconds: 0 }, approval: { required: false } }
    for (const each of ENVIRONMENTS)
      await change(ada, each, { ...atOnce, analysis: { mode: 'healthOnly', maxFailedNodes: 9 } })
    const { executionId } = await dana.deployments.create({ ...ASKED, version: '1.0.0', allowDowngrade: true })
    await dana.deployments.waitForCompletion(executionId, 500)
    for (const policy of kept) await put(ada, policy)
  }
  for (const each of ENVIRONMENTS) await change(ada, each, { analysis })
}

/** A version that is well: approvals, and the canary in its second wave. */
async function good(browser: Browser): Promise<void> {
  const executionId = await deploy('2.0.0', 'Fee breakdown in the answer')
  const wide = await personAt(browser, 'dana', `/deployments/${executionId}`)
  const phone = await personAt(browser, 'amal', '/', { size: 'phone', scheme: 'dark' })
  const approver = await personAt(browser, 'amal', '/')
  await until(executionId, async (event) => {
    if (event.type === 'ApprovalRequested' && event.environment === 'Production') {
      await approver.goto(`${URL_OF_STACK}/approvals/${executionId}`)
      await taken(approver, 'console-approval')
    }
    if (event.type === 'ApprovalRequested') await amal.approvals.approve(executionId, { reason: 'Same as before' })
    if (event.type === 'WaveDeployed' && event.environment === 'Production' && event.wave === 1) {
      await phone.goto(`${URL_OF_STACK}/deployments/${executionId}`)
      await wide.waitForTimeout(11_000)
      await taken(wide, 'console-deployment', 1_340)
      await taken(phone, 'console-phone')
      await approver.goto(URL_OF_STACK)
      await taken(approver, 'console-overview')
      await dana.deployments.promote(executionId, { all: true, reason: 'A picture was taken' })
    }
  })
}

/** A version that is not: what the judge saw, in the console and on a terminal. */
async function bad(browser: Browser): Promise<void> {
  const executionId = await deploy('2.1.0', 'Yen without minor units')
  const terminal = watchedOnTerminal(executionId)
  await until(executionId, async (event) => {
    if (event.type === 'ApprovalRequested') await amal.approvals.approve(executionId, { reason: 'Same as before' })
  })
  const dark = await personAt(browser, 'dana', `/deployments/${executionId}`, { scheme: 'dark' })
  await taken(dark, 'console-rolled-back', 1_390)
  const page = await browser.newPage({ viewport: { width: 1_000, height: 500 } })
  await page.setContent(terminalPage(await terminal))
  await page.locator('pre').screenshot({ path: new URL('terminal.png', IMAGES).pathname })
}

async function deploy(version: string, description: string): Promise<string> {
  return (await dana.deployments.create({ ...ASKED, version, description })).executionId
}

async function until(executionId: string, seen: (event: DeploymentEvent) => Promise<void>): Promise<void> {
  for await (const event of dana.deployments.watch(executionId)) await seen(event)
}

async function taken(page: Page, name: string, height?: number): Promise<void> {
  await settled(page)
  await page.mouse.move(1, 1)
  await page.waitForTimeout(1_500)
  const { width, height: usual } = page.viewportSize() ?? { width: 1_440, height: 900 }
  await page.setViewportSize({ width, height: height ?? usual })
  await page.screenshot({ path: new URL(`${name}.png`, IMAGES).pathname })
}

/** What `hotswap watch` has drawn when the deployment has ended. */
function watchedOnTerminal(executionId: string): Promise<string> {
  const env = {
    ...process.env,
    HOTSWAP_URL: URL_OF_STACK,
    HOTSWAP_USERNAME: 'dana',
    HOTSWAP_PASSWORD: passwordOf('dana'),
    TERM: 'xterm-256color',
  }
  const words = ['live/long/terminal.py', '40', '110', 'node', 'dist/cli.mjs', 'watch', executionId]
  const child = spawn('../.venv/bin/python', words, { cwd: new URL('../../sdk-ts/', import.meta.url), env })
  child.stdin.end()
  return new Promise((resolve, reject) => {
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve(out))
  })
}

await main()
