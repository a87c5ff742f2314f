import { NetworkError } from '../errors.ts'
import { problemOf } from '../http/problem.ts'
import type { Paint } from './paint.ts'
import type { World } from './world.ts'

const CHUNK = 64 * 1024
const BAR = 24

/** Puts bytes where the API said, and shows how far it is where somebody sees it. */
export async function uploaded(
  url: string,
  bytes: Uint8Array,
  { world, paint }: { world: World; paint: Paint },
): Promise<void> {
  const show =
    world.stdout.isTTY === true
      ? (sent: number) => world.stderr.write(`\r${progressLine(sent, bytes.byteLength, paint)}`)
      : () => {}
  const response = await world
    .fetch(url, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': String(bytes.byteLength) },
      body: stream(bytes, show),
      duplex: 'half',
      signal: world.signal,
    } as RequestInit)
    .catch((error: unknown) => {
      world.signal.throwIfAborted()
      throw new NetworkError('The upload was cut; push again, the same bytes change nothing.', { cause: error })
    })
  if (world.stdout.isTTY === true) world.stderr.write('\n')
  if (!response.ok) throw problemOf(response, await response.text())
}

export function progressLine(sent: number, size: number, paint: Paint): string {
  const filled = Math.floor((BAR * sent) / Math.max(size, 1))
  const bar = paint('cyan', '█'.repeat(filled)) + paint('dim', '░'.repeat(BAR - filled))
  return `uploading ${bar} ${Math.floor((100 * sent) / Math.max(size, 1))} % of ${(size / 1024).toFixed(1)} KiB`
}

function stream(bytes: Uint8Array, show: (sent: number) => void): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent >= bytes.byteLength) return controller.close()
      const chunk = bytes.subarray(sent, sent + CHUNK)
      sent += chunk.byteLength
      show(sent)
      controller.enqueue(chunk)
    },
  })
}
