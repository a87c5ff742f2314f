import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { environmentOf, facts, PACKAGE, ran } from '../here.ts'

const project = mkdtempSync(join(tmpdir(), 'hotswap-project-'))
const npm = process.env['npm_execpath'] ?? ''
const README = readFileSync(join(PACKAGE, 'README.md'), 'utf8')
/** The first example of the README, word for word. */
const FIRST = /```ts\n(.*?)```/s.exec(README)?.[1] ?? ''
let packed = ''

const node = (...words: string[]) => ran(process.execPath, words, { cwd: project, env: environmentOf('dana') })

beforeAll(async () => {
  const { out, err } = await ran(process.execPath, [
    npm,
    'pack',
    '--ignore-scripts',
    '--silent',
    '--pack-destination',
    project,
  ])
  packed = out.trim().split('\n').at(-1) ?? ''
  expect({ packed, err }).toMatchObject({ packed: expect.stringMatching(/\.tgz$/) })
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }')
  const installed = await ran(
    process.execPath,
    [npm, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(project, packed)],
    { cwd: project },
  )
  expect({ code: installed.code, err: installed.code === 0 ? '' : installed.err }).toEqual({ code: 0, err: '' })
})

test('the package brings one dependency', () => {
  const packages = Object.keys(JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')).packages).filter(
    Boolean,
  )

  expect(packages.sort()).toEqual(['node_modules/@hotswap/distributed-kernel-sdk', 'node_modules/fflate'])
  const minified = readFileSync(join(PACKAGE, 'dist/index.js'))
  console.log(
    `tarball ${statSync(join(project, packed)).size} bytes; index.js ${minified.length}, gzipped ${gzipSync(minified).length}`,
  )
})

test("the README's first example runs as an ES module", async () => {
  writeFileSync(join(project, 'first.mjs'), FIRST)

  const { code, out, err } = await node('first.mjs')

  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain('Completed')
})

test("the README's first example runs as CommonJS", async () => {
  const body = FIRST.replace(/import (.*) from '(.*)'/, "const $1 = require('$2')")
  writeFileSync(join(project, 'first.cjs'), `(async () => {\n${body}\n})()`)

  const { code, out, err } = await node('first.cjs')

  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain('Completed')
})

test('the command is there', async () => {
  const { code, out } = await ran(join(project, 'node_modules/.bin/hotswap'), ['clusters'], {
    cwd: project,
    env: { ...environmentOf('dana'), PATH: `${join(process.execPath, '..')}${delimiter}${process.env['PATH']}` },
  })

  expect(code).toBe(0)
  expect(out).toContain('Production')
})

describe('in a browser', () => {
  const chromium = ['chromium', 'chromium-browser', 'google-chrome']
    .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)))
    .find(existsSync)
  let site: Server

  beforeAll(async () => {
    const { url, passwords } = facts()
    writeFileSync(
      join(project, 'index.html'),
      '<!doctype html><title>x</title><pre id="out"></pre><script type="module" src="/main.js"></script>',
    )
    const page = `
      import { OrchestrationClient, NotFoundError } from '@hotswap/distributed-kernel-sdk'
      const client = new OrchestrationClient({ baseUrl: ${JSON.stringify(url)}, credentials: { username: 'dana', password: ${JSON.stringify(passwords['dana'])} } })
      const told = []
      try {
        told.push((await client.authenticate()).username)
        told.push((await client.clusters.getMetrics('Production')).health)
        const { executionId } = await client.deployments.create({ moduleName: 'payment-processor', version: '2.0.0', targetEnvironment: 'Development' })
        for await (const event of client.deployments.watch(executionId)) if (event.type === 'DeploymentEnded') told.push(event.detail.status)
        await client.modules.getVersion('no-such-module', '1.0.0').catch((error) => told.push(error instanceof NotFoundError && Boolean(error.requestId)))
      } catch (error) { told.push(String(error)) }
      document.getElementById('out').textContent = JSON.stringify(told)`
    writeFileSync(join(project, 'main.js'), page)
    const built = await ran(
      process.execPath,
      [join(PACKAGE, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'],
      { cwd: project },
    )
    expect({ code: built.code, err: built.err }).toEqual({ code: 0, err: '' })
    const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }
    site = createServer((request, response) => {
      const path = join(project, 'dist', request.url === '/' ? 'index.html' : (request.url ?? ''))
      if (!existsSync(path)) return response.writeHead(404).end()
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'text/plain' }).end(readFileSync(path))
    })
    await new Promise<void>((resolve) => site.listen(Number(new URL(facts().site).port), '127.0.0.1', resolve))
  })
  afterAll(() => new Promise((resolve) => site.close(resolve)))

  test('Vite builds it for browsers, with nothing of Node in it', () => {
    const assets = join(project, 'dist/assets')
    const text = readdirSync(assets)
      .map((file) => readFileSync(join(assets, file), 'utf8'))
      .join('')

    expect(text).not.toMatch(/node:|require\(/)
    console.log(`Vite bundle ${text.length} bytes, gzipped ${gzipSync(text).length}`)
  })

  const maybe = chromium === undefined ? test.skip : test
  maybe(`it runs in ${chromium ?? 'a browser (SKIPPED: no chromium on this machine)'}, across origins`, async () => {
    const { chromium: driver } = await import('playwright-core')
    const browser = await driver.launch({ executablePath: chromium ?? '', args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      await page.goto(facts().site)
      await page.waitForFunction(() => document.getElementById('out')?.textContent, undefined, { timeout: 90_000 })

      expect(JSON.parse((await page.textContent('#out')) ?? '')).toEqual(['dana', 'healthy', 'Completed', true])
    } finally {
      await browser.close()
    }
  })
})
