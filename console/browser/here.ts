import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { OrchestrationClient } from '../../sdk-ts/src/index.ts'

/** The stack these tests look at: `HOTSWAP_LIVE_STACK=URL FOLDER`, as sdk-ts/live/with-stack.ts sets it. */
const [url = '', folder = ''] = (process.env['HOTSWAP_LIVE_STACK'] ?? '').split(' ')

export const URL_OF_STACK = url
export const FOLDER = folder

/** The browser of this machine; undefined where there is none. */
export const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((path) => join(path, name)))
  .find((path) => existsSync(path))

/** Why there is nothing to test; it is printed with every test that is left out. */
export const SKIPPED = CHROMIUM === undefined ? 'SKIPPED: there is no chromium on this machine' : false

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export function passwordOf(username: string): string {
  const users = JSON.parse(readFileSync(join(FOLDER, 'users.json'), 'utf8')) as Record<string, string>
  return users[username] ?? ''
}

/** The API as one of the users of `make run`: ada (Admin), dana (Deployer), amal (Approver), vic (Viewer). */
export function clientOf(username: string): OrchestrationClient {
  return new OrchestrationClient({
    baseUrl: URL_OF_STACK,
    credentials: { username, password: passwordOf(username) },
    retryDelay: 200,
  })
}

export interface Look {
  readonly size?: 'desktop' | 'phone'
  readonly scheme?: 'light' | 'dark'
}

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

/** What browsers complained of: scripts that broke, and what the page's policy refused. */
export const complaints: string[] = []

/** A person at a device of their own, signed in, at an address. */
export async function personAt(browser: Browser, username: string, path: string, look: Look = {}): Promise<Page> {
  const { size = 'desktop', scheme = 'light' } = look
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`))
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/.test(message.text())) complaints.push(`${path}: ${message.text()}`)
  })
  await page.goto(URL_OF_STACK + path)
  await signIn(page, username)
  return page
}

export async function signIn(page: Page, username: string): Promise<void> {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(passwordOf(username))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Screens' }).waitFor()
}

/** When a screen shows what it asked for. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').waitFor()
  await page.locator('.waiting').first().waitFor({ state: 'detached' })
}
