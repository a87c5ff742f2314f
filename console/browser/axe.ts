import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe-core calls serious or critical, one line each. Contrast is among it. */
export async function axeFindings(page: Page, where: string): Promise<readonly string[]> {
  // What the developer tools evaluate is not held to the page's policy.
  await page.evaluate(axe.source)
  return page.evaluate(async (at) => {
    const { axe: run } = window as unknown as { axe: typeof axe }
    const { violations } = await run.run(document, { resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${at}: ${id}: ${html} ${failureSummary}`))
  }, where)
}
