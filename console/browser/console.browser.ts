import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Policy } from '../../sdk-ts/src/index.ts'
import { axeFindings } from './axe.ts'
import { MODULE, publish, traffic } from './card-checker.ts'
import { clientOf, complaints, personAt, SKIPPED, settled, signIn, startBrowser, URL_OF_STACK } from './here.ts'
import { HOSTILE, poison } from './hostile.ts'
import { change, put, QUICK_CANARY } from './policies.ts'
import { screens } from './screens.ts'

describe('the console, in a browser', { skip: SKIPPED }, () => {
  let browser: Browser
  let dana: Page
  let amal: Page
  let kept: Policy[] = []
  let stopTraffic = () => {}
  let first = ''
  let bad = ''

  before(async () => {
    const ada = clientOf('ada')
    kept = [await ada.clusters.getPolicy('Development'), await ada.clusters.getPolicy('QA')]
    const direct = { strategy: { kind: 'Direct', bakeSeconds: 0 }, approval: { required: false } }
    await change(ada, 'Development', { ...direct, analysis: { mode: 'healthOnly' }, idleHeartbeatMs: 1_000 })
    const deployer = clientOf('dana')
    await publish(deployer, '1.0.0')
    await publish(deployer, '1.1.0')
    await publish(deployer, '1.2.0', 4)
    await publish(deployer, '1.3.0')
    const { executionId } = await deployer.deployments.create({
      moduleName: MODULE,
      version: '1.0.0',
      targetEnvironment: 'Development',
    })
    const { status, error } = await deployer.deployments.waitForCompletion(executionId, 200)
    assert.equal(status, 'Completed', error?.message)
    await change(ada, 'Development', QUICK_CANARY)
    await change(ada, 'QA', { ...direct, analysis: { mode: 'healthOnly' }, approval: { required: true } })
    stopTraffic = await traffic(deployer, 40)
    browser = await startBrowser()
  })

  after(async () => {
    stopTraffic()
    await browser?.close()
    const ada = clientOf('ada')
    for (const policy of kept) await put(ada, policy)
  })

  // Each step goes on where the one before ended; behind a failure there is nothing to see.
  let failed = ''
  const step = (name: string, work: () => Promise<void> | void) =>
    test(name, async (context) => {
      if (failed !== '') return context.skip(`after the failure of: ${failed}`)
      failed = name
      await work()
      failed = ''
    })

  step('a deep link asks who one is and leads on; the plan stands there before anything is changed', async () => {
    dana = await personAt(browser, 'dana', '/deployments/new')
    const before = (await clientOf('vic').deployments.list({ module: MODULE }).all()).length

    await dana.getByRole('combobox', { name: 'Module' }).selectOption(MODULE)
    await dana.getByRole('combobox', { name: 'Version' }).selectOption('1.1.0')
    await dana.getByRole('radio', { name: 'QA' }).check()
    await dana.getByLabel('What is it about?').fill('Quicker checks')

    const plan = dana.getByRole('region', { name: 'What would happen' })
    await plan.getByText(/Canary over \d nodes/).waitFor()
    await plan.getByText('1 person has to agree').waitFor()
    assert.equal((await clientOf('vic').deployments.list({ module: MODULE }).all()).length, before)
  })

  step(
    'a canary is watched to its end: nodes change colour, bakes count down, the verdict stands on the chart',
    async () => {
      await dana.getByRole('button', { name: 'Deploy 1.1.0 up to QA' }).click()
      await dana.waitForURL(/\/deployments\/[0-9A-Z]{26}$/)
      first = dana.url().split('/').at(-1) ?? ''

      const waves = dana.getByRole('region', { name: 'Development' })
      await waves.getByRole('progressbar').first().waitFor()
      await waves.locator('.cell.is-changed').first().waitFor()
      await dana.getByText('Waits for approval').first().waitFor()
      await dana
        .getByRole('link', { name: /Development/ })
        .first()
        .click()
      assert.equal(await waves.locator('.cell.is-kept').count(), 2)
      await dana.locator('.chart.first .sentence.good').waitFor()
      await dana.locator('.chart path.canary').first().waitFor({ state: 'attached' })
    },
  )

  step('who asked cannot answer; somebody else approves, having seen what, why and what was measured', async () => {
    await dana.goto(`${URL_OF_STACK}/approvals/${first}`)
    await dana.getByText('somebody else has to decide').waitFor()
    assert.equal(await dana.getByRole('button', { name: 'Approve' }).count(), 0)
    await dana.goto(`${URL_OF_STACK}/deployments/${first}`)

    amal = await personAt(browser, 'amal', '/', { size: 'phone', scheme: 'dark' })
    await amal.getByRole('region', { name: 'Waits for you' }).getByRole('link').first().click()
    await amal.getByText('Quicker checks').waitFor()
    await amal
      .getByRole('region', { name: 'The plan' })
      .getByText(/Direct over \d nodes/)
      .waitFor()
    await amal
      .getByRole('region', { name: /Evidence/ })
      .getByText(/Wave 1: /)
      .waitFor()
    await amal.getByRole('button', { name: 'Approve' }).click()
    await amal.getByRole('dialog').getByLabel('Reason').fill('Same as in Development')
    await amal.getByRole('dialog').getByRole('button', { name: 'Approve' }).click()
    await amal.getByText('Approved').first().waitFor()

    await dana.locator('.lead').getByText('Completed').waitFor()
    await dana.getByText('amal approved').waitFor()
  })

  step('a bad version is seen to be taken back, with the reason', async () => {
    await dana.goto(`${URL_OF_STACK}/deployments/new?module=${MODULE}&version=1.2.0&to=Development`)
    await dana.getByRole('button', { name: 'Deploy 1.2.0 up to Development' }).click()
    await dana.waitForURL(/\/deployments\/[0-9A-Z]{26}$/)
    bad = dana.url().split('/').at(-1) ?? ''

    await dana.locator('.lead').getByText('Rolled back').waitFor()
    await dana
      .locator('.chart.first .sentence.bad')
      .getByText(/fails .* of \d+ requests/)
      .waitFor()
    assert.equal(await dana.locator('.cell.is-returned').count(), 1)
    assert.equal((await clientOf('vic').deployments.getStatus(bad)).status, 'RolledBack')
    await dana.goto(`${URL_OF_STACK}/modules/${MODULE}`)
    await dana.getByRole('region', { name: 'Quarantine' }).getByText('out of Development').waitFor()
  })

  step('paused, resumed and ended by people, each with a reason that is kept', async () => {
    const long = { kind: 'Canary', steps: [{ percent: 100, bakeSeconds: 600 }] }
    await change(clientOf('ada'), 'Development', { strategy: long, analysis: { mode: 'healthOnly' } })
    await dana.goto(`${URL_OF_STACK}/deployments/new?module=${MODULE}&version=1.3.0&to=Development`)
    await dana.getByRole('button', { name: 'Deploy 1.3.0 up to Development' }).click()
    await dana.getByRole('button', { name: 'End this bake' }).waitFor()

    await say(dana, 'Pause', 'Lunch')
    await dana.locator('.lead').getByText('Paused').waitFor()
    assert.equal(await dana.getByRole('button', { name: 'Pause' }).count(), 0)
    await say(dana, 'Resume', 'Back')
    await dana.locator('.lead').getByText('Running').waitFor()
    await say(dana, 'End this bake', 'Seen enough')

    await dana.locator('.lead').getByText('Completed').waitFor()
    await dana.getByText('Lunch').waitFor()
    await dana.getByRole('button', { name: 'Roll back' }).waitFor()
  })

  step('a role that may not sees no button, and is refused where it tries all the same', async () => {
    const vic = await personAt(browser, 'vic', `/deployments/${first}`)
    await vic.locator('.lead').getByText('Completed').waitFor()

    assert.equal(await vic.locator('.title .buttons button').count(), 0)
    await vic.goto(`${URL_OF_STACK}/deployments/new`)
    await vic.getByText('You can look, but not deploy.').waitFor()
    const forced = await vic.evaluate(async (id) => {
      const { accessToken } = JSON.parse(localStorage.getItem('hotswap.session') ?? '{}')
      const headers = { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' }
      return (await fetch(`/api/v1/deployments/${id}/rollback`, { method: 'POST', headers, body: '{}' })).status
    }, first)
    assert.equal(forced, 403)
    await vic.context().close()
  })

  step('when the session is over, whoever signs in again is where they were', async () => {
    const at = `${URL_OF_STACK}/deployments/${bad}?environment=Development`
    await dana.goto(at)
    await dana.locator('.lead').waitFor()
    await dana.evaluate(async () => {
      const { accessToken } = JSON.parse(localStorage.getItem('hotswap.session') ?? '{}')
      const headers = { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' }
      await fetch('/api/v1/authentication/logout', { method: 'POST', headers, body: '{}' })
    })

    await dana.reload()
    await dana.getByText('Your session is over.').waitFor()
    await signIn(dana, 'dana')

    await dana.locator('.lead').getByText('Rolled back').waitFor()
    assert.equal(dana.url(), at)
  })

  step('whoever has a temporary password can do nothing but choose one of their own', async () => {
    const username = `erin-${Date.now().toString(36)}`
    const { temporaryPassword } = await clientOf('ada').users.create({ username, roles: ['Viewer'] })
    const page = await (await browser.newContext()).newPage()
    await page.goto(`${URL_OF_STACK}/modules`)
    await page.getByLabel('User name').fill(username)
    await page.getByLabel('Password').fill(temporaryPassword)
    await page.getByRole('button', { name: 'Sign in' }).click()

    await page.getByRole('heading', { name: 'Choose your password' }).waitFor()
    await page.getByLabel('Password you have').fill(temporaryPassword)
    await page.getByLabel('New password').fill('passwordpassword')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('New password').fill('a long way to Tipperary 17')
    await page.getByRole('button', { name: 'Change password' }).click()

    await page.getByRole('heading', { name: 'Modules' }).waitFor()
    await page.context().close()
  })

  step('whatever others wrote stays text, in every field of every screen', async () => {
    const ada = await personAt(browser, 'ada', '/')
    await ada.route('**/api/v1/**', poison)
    for (const path of await screens(bad)) {
      await ada.goto(URL_OF_STACK + path)
      await ada.locator('h1').waitFor()
      // On these, nothing stands that somebody could have written.
      if (!/new|approvals$|account/.test(path)) await ada.getByText(HOSTILE).first().waitFor()
      const found = await ada.evaluate(() => ({
        pwned: 'pwned' in window,
        made: document.querySelectorAll('main img, main script, main iframe, main [onerror]').length,
      }))
      assert.deepEqual(found, { pwned: false, made: 0 }, path)
    }
    await ada.unrouteAll({ behavior: 'ignoreErrors' })
    await ada.context().close()
  })

  step('axe finds nothing serious on any screen', async () => {
    const ada = await personAt(browser, 'ada', '/')
    const found: string[] = []
    await ada.evaluate(() => document.body.append(document.createElement('img')))
    assert.match((await axeFindings(ada, 'a picture without words')).join(), /image-alt/)
    for (const path of await screens(bad)) {
      await ada.goto(URL_OF_STACK + path)
      await settled(ada)
      found.push(...(await axeFindings(ada, path)))
    }
    await ada.goto(`${URL_OF_STACK}/modules/${MODULE}`)
    await ada
      .getByRole('button', { name: /^Quarantine/ })
      .first()
      .click()
    found.push(...(await axeFindings(ada, 'a dialog')))
    await ada.keyboard.press('Escape')
    await ada.getByRole('button', { name: 'Sign out' }).click()
    await ada.getByLabel('User name').waitFor()
    found.push(...(await axeFindings(ada, 'the sign-in')))
    assert.deepEqual(found, [])
    await ada.context().close()
  })

  step('it is there quickly: less than 150 kB come over the wire', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${URL_OF_STACK}/`)
    await page.getByLabel('User name').waitFor()

    const sizes = await page.evaluate(() =>
      [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(
        (entry) => (entry as PerformanceResourceTiming).encodedBodySize,
      ),
    )
    const sum = sizes.reduce((total, each) => total + each, 0)
    console.log(`first load: ${sum} bytes in ${sizes.length} answers`)
    assert.ok(sum > 0 && sum < 150_000, String(sum))
    await context.close()
  })

  step('no script broke, and nothing was refused by the policy of the page', () => {
    assert.deepEqual(complaints, [])
  })
})

/** Says something to a deployment and gives a reason. */
async function say(page: Page, verb: string, reason: string): Promise<void> {
  await page.getByRole('button', { name: verb, exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Reason').fill(reason)
  await dialog.getByRole('button', { name: verb, exact: true }).click()
  await dialog.waitFor({ state: 'detached' })
}
