import type { Rollout, Stage, Wave } from '../../types.ts'
import { isEnd } from '../../types.ts'
import { clipped, type Paint, padded, plain, widthOf } from '../paint.ts'
import { coloured, count, span } from '../text.ts'
import { eventLine } from './event-line.ts'
import type { NodeState, Scene, Side } from './scene.ts'

/** How a view is drawn. */
export interface Frame {
  readonly paint: Paint
  readonly now: number
  readonly width: number
}

const BAR = 24
const MOST_NODES = 40
const MARKS = { done: '✔', doing: '◐', waiting: '·', failed: '✖', skipped: '○', back: '↺' } as const

/** The whole view of a deployment, a string a line. */
export function deploymentLines(scene: Scene, frame: Frame): string[] {
  const { deployment } = scene
  if (deployment === undefined) return [`${scene.executionId} …`]
  const { paint, now } = frame
  const until = deployment.endTime === null ? now : Date.parse(deployment.endTime)
  const lines = [
    `${paint('bold', `${plain(deployment.moduleName)} ${plain(deployment.version)}`)} → ${paint('bold', deployment.targetEnvironment)}   ${coloured(deployment.status, paint)}   ${span(until - Date.parse(deployment.startTime))}`,
    paint(
      'dim',
      `${deployment.executionId}   ${deployment.undoes === null ? '' : `undoes ${deployment.undoes}   `}asked for by ${plain(deployment.requestedBy)}${deployment.description === '' ? '' : `: ${plain(deployment.description)}`}`,
    ),
    '',
    `  ${deployment.stages
      .filter(({ name }) => name !== 'Validation')
      .map((stage) => stageText(stage, paint))
      .join('   ')}`.trimEnd(),
    ...deployment.environments.flatMap((rollout) => environmentLines(rollout, scene, frame)),
    ...deployment.stages.filter(({ name }) => name === 'Validation').map((stage) => `  ${stageText(stage, paint)}`),
    '',
    ...closing(scene, frame),
  ]
  return lines.map((line) => clipped(line, frame.width))
}

function stageText({ name, status, message }: Stage, paint: Paint): string {
  const mark = {
    Running: paint('cyan', MARKS.doing),
    Succeeded: paint('green', MARKS.done),
    Skipped: paint('dim', MARKS.skipped),
    Failed: paint('red', MARKS.failed),
  }[status]
  const failure = status === 'Failed' ? `: ${plain(message)}` : ''
  return `${mark ?? paint('cyan', MARKS.doing)} ${status === 'Skipped' ? paint('dim', `${name} skipped`) : name}${failure}`
}

function environmentLines(rollout: Rollout, scene: Scene, frame: Frame): string[] {
  const { paint } = frame
  const { environment, strategy, fleet, fromVersion, waves, phase, message } = rollout
  const change = fromVersion === null ? '' : `${plain(fromVersion)} → ${plain(scene.deployment?.version ?? '')}`
  const facts = [strategy ?? '', fleet > 0 ? count(fleet, 'node') : '', change].filter(Boolean).join('   ')
  const why = message === '' || phase === 'Promoted' ? '' : paint('dim', `   ${plain(message)}`)
  const head = `  ${phaseMark(phase, paint)} ${padded(paint('bold', environment), 12)} ${padded(phaseText(phase, paint), 18)} ${facts}${why}`
  const isShown =
    phase !== 'Pending' && phase !== 'Skipped' && (rollout === scene.current() || rollout.restore !== null)
  if (!isShown) return [head.trimEnd()]
  return [
    head.trimEnd(),
    ...waves.flatMap((wave) => waveLines(wave, rollout, scene, frame)),
    ...restoreLines(rollout, frame),
    ...sideLines(rollout, scene, frame),
  ]
}

function waveLines(wave: Wave, rollout: Rollout, scene: Scene, frame: Frame): string[] {
  const { paint } = frame
  const nodes = scene.nodesOf(rollout.environment, wave.number)
  const marks = {
    Pending: MARKS.waiting,
    Deploying: paint('cyan', MARKS.doing),
    Baking: paint('cyan', MARKS.doing),
    Promoted: paint('green', MARKS.done),
    RolledBack: paint('red', MARKS.failed),
  }
  const mark = marks[wave.status as keyof typeof marks] ?? wave.status
  const squares =
    wave.nodes > MOST_NODES
      ? ''
      : nodes.length > 0
        ? nodes.map(({ state }) => square(state, paint)).join('')
        : wave.status === 'Promoted'
          ? paint('green', '■'.repeat(wave.nodes))
          : paint('dim', '□'.repeat(wave.nodes))
  const verdict = wave.decision === null ? '' : `${coloured(wave.decision, paint)} (${wave.comparedWith ?? '–'})`
  const state =
    wave.status === 'Baking'
      ? bakeText(wave, rollout, frame)
      : wave.status === 'Deploying'
        ? deployText(nodes, wave)
        : verdict
  const lines = [
    `    ${mark} wave ${wave.number + 1}  ${padded(`${wave.kind} ${count(wave.nodes, 'node')}`, 16)} ${padded(squares, Math.min(widest(rollout), MOST_NODES))}  ${state}`.trimEnd(),
  ]
  if (wave.sentence !== null && wave.sentence !== '' && wave.status !== 'Deploying')
    lines.push(...told(plain(wave.sentence), frame))
  if (wave.number === rollout.wave && nodes.length > 0 && nodes.length <= MOST_NODES && rollout.endedAt === null) {
    lines.push(
      ...wrapped(
        nodes.map(({ name, state }) => `${square(state, paint)} ${plain(name)}`),
        frame.width - 8,
      ).map((line) => `        ${line}`),
    )
  }
  return lines
}

function bakeText(wave: Wave, { bakeUntil, phase }: Rollout, { paint, now }: Frame): string {
  if (phase === 'Paused') return paint('yellow', 'paused')
  if (bakeUntil === null || wave.deployedAt === null) return 'baking'
  const from = Date.parse(wave.deployedAt)
  const whole = Math.max(Date.parse(bakeUntil) - from, 1)
  const done = Math.min(Math.max((now - from) / whole, 0), 1)
  const filled = Math.round(done * BAR)
  const bar = paint('cyan', '█'.repeat(filled)) + paint('dim', '░'.repeat(BAR - filled))
  const held = wave.holds > 0 ? paint('yellow', `  held ${wave.holds} times`) : ''
  return `baking ${bar} ${Math.floor(done * 100)} %  ${span(Date.parse(bakeUntil) - now)} left${held}`
}

function deployText(nodes: readonly { state: NodeState }[], wave: Wave): string {
  const changed = nodes.filter(({ state }) => state === 'changed').length
  const failed = wave.failedNodes > 0 ? `, ${wave.failedNodes} failed` : ''
  return `changing: ${changed} of ${wave.nodes} answered${failed}`
}

function restoreLines({ restore, phase }: Rollout, { paint }: Frame): string[] {
  if (restore === null) return []
  const mark =
    phase === 'Restoring'
      ? paint('yellow', MARKS.doing)
      : restore.failedNodes > 0
        ? paint('red', MARKS.failed)
        : paint('yellow', MARKS.back)
  const failed = restore.failedNodes > 0 ? paint('red', `, ${restore.failedNodes} not verified`) : ''
  return [`    ${mark} took back ${restore.restoredNodes} of ${count(restore.nodes, 'node')}${failed}`]
}

function sideLines({ environment, fromVersion }: Rollout, scene: Scene, { paint }: Frame): string[] {
  const sides = scene.sides.get(environment)
  if (sides === undefined || sides.canary.requests + sides.control.requests === 0) return []
  const version = plain(scene.deployment?.version ?? '')
  const heads = ['', `${version} (new)`, `${plain(fromVersion ?? '–')} (control)`]
  const row = (name: string, text: (side: Side) => string) => [name, text(sides.canary), text(sides.control)]
  const rows = [
    heads,
    row('nodes', ({ nodes }) => String(nodes)),
    row('requests', ({ requests }) => requests.toLocaleString('en')),
    row('errors', ({ requests, errors }) => (requests === 0 ? '–' : `${((100 * errors) / requests).toFixed(1)} %`)),
    row('p95', ({ p95Us }) => (p95Us === null ? '–' : `${(p95Us / 1000).toFixed(1)} ms`)),
    row('cpu', ({ cpuBp }) => (cpuBp === null ? '–' : `${(cpuBp / 100).toFixed(1)} %`)),
  ]
  const wide = (column: number) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))
  const [first, second, third] = [wide(0), wide(1), wide(2)]
  return rows.map(([a = '', b = '', c = ''], index) => {
    const line = `        ${a.padEnd(first)}  ${b.padStart(second)}  ${c.padStart(third)}`
    return index === 0 ? paint('dim', line) : line
  })
}

function closing({ deployment, lastEvent }: Scene, { paint }: Frame): string[] {
  if (deployment === undefined) return []
  if (isEnd(deployment.status)) {
    const error = deployment.error === null ? '' : `: ${plain(deployment.error.message)}`
    return [`  ${paint('bold', coloured(deployment.status, paint))}${error}`]
  }
  const next = {
    PendingApproval: `waits for a person: hotswap approve ${deployment.executionId}`,
    Paused: `paused: hotswap resume ${deployment.executionId}`,
  }[deployment.status as string]
  if (next !== undefined) return [`  ${paint('yellow', next)}`]
  return lastEvent === undefined ? [] : [`  ${eventLine(lastEvent, paint)}`]
}

function phaseMark(phase: string, paint: Paint): string {
  if (phase === 'Promoted') return paint('green', MARKS.done)
  if (phase === 'Pending') return MARKS.waiting
  if (phase === 'Skipped') return paint('dim', MARKS.skipped)
  if (phase === 'Restored') return paint('yellow', MARKS.back)
  if (phase === 'RestoreFailed' || phase === 'Refused') return paint('red', MARKS.failed)
  return paint('cyan', MARKS.doing)
}

function phaseText(phase: string, paint: Paint): string {
  const words = phase.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  return phase === 'AwaitingApproval' || phase === 'Paused' || phase === 'Restoring'
    ? paint('yellow', words)
    : paint('dim', words)
}

function square(state: NodeState, paint: Paint): string {
  return {
    waiting: paint('dim', '□'),
    changing: paint('cyan', '◧'),
    changed: paint('green', '■'),
    failed: paint('red', '✖'),
    restored: paint('yellow', '↺'),
  }[state]
}

function widest({ waves }: Rollout): number {
  return Math.max(0, ...waves.map(({ nodes }) => nodes))
}

/** A sentence below what it is about, over as many lines as it takes. */
function told(sentence: string, { paint, width }: Frame): string[] {
  return wrapped(sentence.split(' '), width - 8, ' ').map((line) => `        ${paint('dim', line)}`)
}

function wrapped(parts: readonly string[], width: number, gap = '  '): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last !== undefined && widthOf(`${last}${gap}${part}`) <= width) lines[lines.length - 1] = `${last}${gap}${part}`
    else lines.push(part)
  }
  return lines
}
