import { rmSync } from 'node:fs'
import type { Stack } from './stack.ts'

export default async function tearDown(): Promise<void> {
  const file = process.env['HOTSWAP_LIVE_FACTS']
  if (file !== undefined) rmSync(file, { force: true })
  await (globalThis as { __STACK__?: Stack }).__STACK__?.stop()
}
