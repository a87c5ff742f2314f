import { ApiError, NetworkError, TimeoutError } from '../../errors.ts'
import { pause } from '../../http/waiting.ts'
import { isEnd } from '../../types.ts'
import type { Context } from '../command.ts'
import { EXIT, exitCodeOf } from '../exit.ts'
import { eventLine } from './event-line.ts'
import { Scene, sideOf } from './scene.ts'
import { Screen } from './screen.ts'
import { deploymentLines } from './view.ts'

const REDRAW_MS = 500
const LOOK_MS = 2_000

/** Watches until the deployment has ended: a live view on a terminal, else a line an event. Resolves to the exit code. */
export async function watched(context: Context, executionId: string): Promise<number> {
  const isLive = context.world.stdout.isTTY === true && !context.isJson && context.world.env['TERM'] !== 'dumb'
  if (isLive) await live(context, executionId)
  else await lines(context, executionId)
  const { status } = await context.client.deployments.getStatus(executionId, { signal: context.world.signal })
  return isEnd(status) ? exitCodeOf(status) : EXIT.failed
}

async function lines({ client, world, paint, isJson }: Context, executionId: string): Promise<void> {
  for await (const event of client.deployments.watch(executionId, { signal: world.signal })) {
    world.stdout.write(`${isJson ? JSON.stringify(event) : eventLine(event, paint)}\n`)
  }
}

/** Three things at once: events come in, the state is looked at, and the view is drawn, until the events have ended. */
async function live(context: Context, executionId: string): Promise<void> {
  const { client, world, paint } = context
  const scene = new Scene(executionId)
  const ended = new AbortController()
  const signal = AbortSignal.any([world.signal, ended.signal])
  const screen = new Screen(world.stdout)
  const draw = () => screen.draw(deploymentLines(scene, { paint, now: Date.now(), width: screen.width }))
  let look = Promise.resolve()
  const looking = every(LOOK_MS, signal, () => {
    look = look.then(() => lookedAt(context, scene))
    return look
  })
  const drawing = every(REDRAW_MS, signal, async () => draw())
  try {
    await lookedAt(context, scene)
    for await (const event of client.deployments.watch(executionId, { signal: world.signal })) scene.apply(event)
    ended.abort()
    await look
    await lookedAt(context, scene)
    draw()
  } finally {
    ended.abort()
    await Promise.all([looking, drawing])
    screen.close()
  }
}

/** Reads what the view shows beside the events. A look that fails is made up for by the next. */
async function lookedAt({ client, world }: Context, scene: Scene): Promise<void> {
  const options = { signal: world.signal, retryAttempts: 0 }
  try {
    const deployment = await client.deployments.getStatus(scene.executionId, options)
    scene.deployment = deployment
    scene.seenAt = Date.now()
    const rollout = scene.current()
    const wave = rollout?.waves[rollout.wave ?? 0]
    if (rollout === undefined || !wave?.startedAt || (rollout.endedAt !== null && scene.sides.has(rollout.environment)))
      return
    const { environment, fromDigest } = rollout
    const since = { module: deployment.moduleName, from: wave.startedAt, interval: '1h' }
    const sideWith = async (digest: string | null) =>
      digest === null
        ? { nodes: 0, requests: 0, errors: 0, p95Us: null, cpuBp: null }
        : sideOf(await client.clusters.getMetrics(environment, { ...since, digest }, options))
    const [cluster, canary, control] = await Promise.all([
      client.clusters.get(environment, options),
      sideWith(deployment.digest),
      sideWith(fromDigest),
    ])
    scene.clusters.set(environment, cluster)
    scene.sides.set(environment, { canary, control })
  } catch (error) {
    const isPassing =
      error instanceof NetworkError ||
      error instanceof TimeoutError ||
      (error instanceof ApiError && scene.deployment !== undefined)
    if (!isPassing && !world.signal.aborted) throw error
  }
}

async function every(milliseconds: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work().catch(() => {})
    await pause(milliseconds, signal).catch(() => {})
  }
}
