import type { Finding, Verdict } from '../types.ts'
import { type Paint, plain, table } from './paint.ts'
import { clock, coloured } from './text.ts'

const HEADS = ['METRIC', 'NEW', 'BASELINE', 'SAMPLES', 'CHANGE', 'INTERVAL', 'TESTED', 'P', 'SAYS']

/** A verdict as people read it: the decision and its sentence, then what each metric showed. */
export function verdictLines(verdict: Verdict, paint: Paint): string[] {
  const where = `${verdict.environment} wave ${verdict.wave + 1}`
  const early = verdict.final ? '' : ', by a look during the bake'
  const head = `${paint('dim', clock(verdict.at))}  ${where}  ${coloured(verdict.decision, paint)} (${verdict.comparedWith}${early}): ${plain(verdict.sentence)}`
  if (verdict.findings.length === 0) return [head]
  return [head, ...table(HEADS, verdict.findings.map(row), paint).map((line) => `  ${line}`)]
}

function row(found: Finding): string[] {
  const { low, high } = { low: percent(found.lowBp), high: percent(found.highBp) }
  return [
    plain(found.nodeId === null ? found.metric : `${found.metric} of ${found.nodeId}`),
    amount(found.canaryValue, found.unit),
    amount(found.baselineValue, found.unit),
    `${found.canarySamples}/${found.baselineSamples} ${plain(found.sampleUnit)}`,
    percent(found.effectBp),
    low === '–' && high === '–' ? '–' : `${low} to ${high}`,
    percent(found.testedBp),
    found.pValue === null ? '–' : `${plain(found.pValue)}${found.alpha === null ? '' : ` (${plain(found.alpha)})`}`,
    found.conclusion,
  ]
}

function amount(value: number | null, unit: string): string {
  if (value === null) return '–'
  switch (unit) {
    case 'bp':
      return `${value / 100} %`
    case 'us':
      return `${(value / 1000).toFixed(1)} ms`
    case 'bytes':
      return `${(value / 2 ** 20).toFixed(1)} MiB`
    case 'millionths':
      return `${value / 1_000_000}`
    default:
      return String(value)
  }
}

function percent(bp: number | null): string {
  return bp === null ? '–' : `${bp > 0 ? '+' : ''}${(bp / 100).toFixed(0)} %`
}
