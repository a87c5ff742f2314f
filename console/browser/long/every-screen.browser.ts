import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { axeFindings } from '../axe.ts'
import { clientOf, complaints, personAt, SKIPPED, settled, startBrowser, URL_OF_STACK } from '../here.ts'

const PICTURES = new URL('../../../build/console/', import.meta.url)
const MODULE = 'payment-processor'

describe('every screen, both schemes, desktop and phone', { skip: SKIPPED }, () => {
  let browser: Browser
  let paths: readonly string[] = []

  before(async () => {
    mkdirSync(PICTURES, { recursive: true })
    browser = await startBrowser()
    const vic = clientOf('vic')
    const { items } = await vic.deployments.list({ module: MODULE, status: 'Completed' })
    const asked = await clientOf('dana').deployments.create({
      moduleName: MODULE,
      version: '2.0.0',
      targetEnvironment: 'Development',
      requireApproval: true,
    })
    const [node] = await vic.nodes.list('Production').all()
    for await (const event of vic.deployments.watch(asked.executionId)) if (event.type === 'ApprovalRequested') break
    paths = [
      '/',
      '/deployments',
      `/deployments/${items[0]?.executionId}`,
      `/deployments/${asked.executionId}`,
      `/deployments/new?module=${MODULE}&version=2.0.0&to=Production`,
      '/approvals',
      `/approvals/${asked.executionId}`,
      '/environments/Production',
      `/nodes/${node?.nodeId}`,
      '/modules',
      `/modules/${MODULE}`,
      '/audit',
      '/account',
    ]
  })

  after(() => browser?.close())

  for (const scheme of ['light', 'dark'] as const) {
    for (const size of ['desktop', 'phone'] as const) {
      test(`${scheme}, ${size}: nothing serious for axe, nothing wider than the screen`, async () => {
        const page = await personAt(browser, 'ada', '/', { size, scheme })
        const found: string[] = []
        for (const path of paths) {
          await page.goto(URL_OF_STACK + path)
          await settled(page)
          found.push(...(await axeFindings(page, path)))
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
          if (wider > 0) found.push(`${path} is ${wider} px wider than the screen`)
          const name = path.split('?')[0]?.replace(/\W+/g, '-') || '-overview'
          await page.screenshot({ path: new URL(`${scheme}-${size}${name}.png`, PICTURES).pathname })
        }
        assert.deepEqual(found, [])
        await page.context().close()
      })
    }
  }

  test('with the keyboard alone one gets from the sign-in to a decision', async () => {
    const page = await personAt(browser, 'amal', '/')
    await page.keyboard.press('Tab')
    assert.match((await page.locator(':focus').textContent()) ?? '', /Skip to the content/)
    await page.keyboard.press('Enter')
    await page.locator('a.question').first().waitFor()
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab')
      if (await page.locator('a.question:focus').count()) break
    }
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Reject' }).waitFor()
    for (let presses = 0; presses < 30; presses++) {
      await page.keyboard.press('Tab')
      if (await page.getByRole('button', { name: 'Reject' }).evaluate((it) => it === document.activeElement)) break
    }
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })

    const focused = await page.locator(':focus').textContent()
    assert.equal(focused, 'Reject')
    await page.context().close()
  })

  test('no script broke, and nothing was refused by the policy of the page', () => {
    assert.deepEqual(complaints, [])
  })
})
