import type { AuditRecord } from '@hotswap/distributed-kernel-sdk'
import { useState } from 'preact/hooks'
import { useSearchParams } from 'wouter-preact'
import { useAnswer } from '../live.ts'
import { Empty, Problem, Shown } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Sign, Status } from '../parts/status.tsx'
import { mayReadAudit } from '../rights.ts'
import { client, told, useSession, useUser } from '../session.tsx'
import { clock, day as minute, whole } from '../time.ts'
import { count } from '../words.ts'
import { Choice } from './deployments.tsx'

const PAGE = 50

/** Who did what: of one subject, or on one day (UTC, as it is kept); and whether it is what was written. */
export function AuditScreen() {
  const user = useUser()
  if (!mayReadAudit(user)) {
    return (
      <Screen title="Audit">
        <Empty title="The audit is for administrators.">
          <p>What you did yourself is in it, too. Ask an administrator if you need to look.</p>
        </Empty>
      </Screen>
    )
  }
  return <Records />
}

function Records() {
  const [search, setSearch] = useSearchParams()
  const subject = search.get('subject') ?? ''
  const day = search.get('day') ?? new Date().toISOString().slice(0, 10)
  const actor = search.get('actor') ?? ''
  const outcome = search.get('outcome') ?? ''
  const [most, setMost] = useState(PAGE)
  const found = useAnswer(
    () =>
      client.audit
        .list(
          subject !== ''
            ? { subject }
            : {
                day,
                limit: 100,
                ...(actor !== '' && { actor }),
                ...(outcome !== '' && { outcome: outcome as 'allowed' | 'refused' }),
              },
        )
        .all(most + 1),
    [subject, day, actor, outcome, most],
  )
  const put = (name: string, value: string) =>
    setSearch((before) => {
      if (value === '') before.delete(name)
      else before.set(name, value)
      return before
    })
  return (
    <Screen title="Audit">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Typed label="Subject" value={subject} hint="user:ada, an id" onPut={(to) => put('subject', to)} />
        {subject === '' && (
          <>
            <label class="choice">
              <span>Day (UTC)</span>
              <input
                type="date"
                value={day}
                max={new Date().toISOString().slice(0, 10)}
                onChange={(event) => put('day', event.currentTarget.value)}
              />
            </label>
            <Typed label="Who" value={actor} hint="anybody" onPut={(to) => put('actor', to)} />
            <Choice label="Outcome" of={['allowed', 'refused']} value={outcome} onPick={(to) => put('outcome', to)} />
          </>
        )}
        <button type="button" onClick={found.again}>
          Look again
        </button>
      </form>
      <Verify subject={subject} />
      <Shown of={found}>
        {(records) =>
          records.length === 0 ? (
            <Empty title="Nothing is recorded here.">
              <p>Choose another day, or another subject.</p>
            </Empty>
          ) : (
            <>
              <p class="faint above-rows">
                {records.length > most ? `The ${subject === '' ? 'newest' : 'first'} ` : ''}
                {count(Math.min(most, records.length), 'record')}, {subject === '' ? 'newest first' : 'oldest first'}
              </p>
              <ul class="rows">
                {records.slice(0, most).map((each) => (
                  <li key={`${each.subject} ${each.seq}`}>
                    <RecordRow record={each} isOneSubject={subject !== ''} onSubject={(to) => put('subject', to)} />
                  </li>
                ))}
              </ul>
              {records.length > most && (
                <button type="button" class="more" onClick={() => setMost(most + 4 * PAGE)}>
                  Show more
                </button>
              )}
            </>
          )
        }
      </Shown>
    </Screen>
  )
}

function Typed({ label, value, hint, onPut }: { label: string; value: string; hint: string; onPut(to: string): void }) {
  return (
    <label class="choice">
      <span>{label}</span>
      <input
        type="search"
        value={value}
        placeholder={hint}
        onChange={(event) => onPut(event.currentTarget.value.trim())}
      />
    </label>
  )
}

function RecordRow({
  record,
  isOneSubject,
  onSubject,
}: {
  record: AuditRecord
  isOneSubject: boolean
  onSubject(to: string): void
}) {
  const detail = Object.entries(record.detail)
  return (
    <details class="record">
      <summary class="row">
        <span class="row-main">
          <span class="name">{record.action}</span> by {record.actor}
        </span>
        <time class="row-where" dateTime={record.at} title={whole(record.at)}>
          {isOneSubject ? minute(record.at) : clock(record.at)}
        </time>
        {record.outcome === 'allowed' ? <span class="faint">allowed</span> : <Status word={record.outcome} />}
        <span class="row-who mono" title={record.subject}>
          {record.subject}
        </span>
      </summary>
      <dl class="facts">
        {detail.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </>
        ))}
        <dt>Record</dt>
        <dd class="mono">
          {record.seq}, {record.hash.slice(0, 16)} after {record.previousHash.slice(0, 16) || 'nothing'}
        </dd>
        <dt>Request</dt>
        <dd class="mono">{record.requestId || 'none: the service itself'}</dd>
      </dl>
      {!isOneSubject && (
        <button type="button" class="quiet" onClick={() => onSubject(record.subject)}>
          All of {record.subject}
        </button>
      )}
    </details>
  )
}

interface Found {
  readonly isWhole: boolean
  readonly sentence: string
  readonly faults: readonly {
    readonly what: string
    readonly subject: string
    readonly seq: number
    readonly detail: string
  }[]
}

/** Whether the records are what was written: one subject's chain, or the newest signed checkpoints over all of them. */
function Verify({ subject }: { subject: string }) {
  const { isOver } = useSession()
  const [found, setFound] = useState<Found>()
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)
  const verify = async () => {
    setBusy(true)
    setError(undefined)
    setFound(undefined)
    try {
      setFound(subject === '' ? await checkpoints() : await chain(subject))
    } catch (failed) {
      if (!isOver(failed)) setError(failed)
    } finally {
      setBusy(false)
    }
  }
  return (
    <div class="verify">
      <button type="button" onClick={() => void verify()} disabled={isBusy}>
        {subject === '' ? 'Verify the signed checkpoints' : 'Verify this chain'}
      </button>
      <div aria-live="polite">
        {found !== undefined && (
          <p class={`status ${found.isWhole ? 'good' : 'bad'}`}>
            <Sign tone={found.isWhole ? 'good' : 'bad'} />
            {found.sentence}
          </p>
        )}
        {found?.faults.map((fault) => (
          <Problem
            key={`${fault.subject}${fault.seq}${fault.what}`}
            error={new Error(`${fault.subject} ${fault.seq}: ${fault.detail || fault.what}`)}
          />
        ))}
        {error !== undefined && <Problem error={new Error(told(error))} />}
      </div>
    </div>
  )
}

async function chain(subject: string): Promise<Found> {
  const { isWhole, records, sealedUpTo, brokenAt, faults } = await client.audit.verify(subject)
  const sealed = sealedUpTo === records ? 'all sealed' : `sealed up to ${sealedUpTo}`
  return {
    isWhole,
    faults,
    sentence: isWhole
      ? `Whole: ${count(records, 'record')}, ${sealed}.`
      : `Not what was written, from record ${brokenAt} on.`,
  }
}

async function checkpoints(): Promise<Found> {
  let after = 0
  let number = 0
  const keys = new Set<string>()
  for (;;) {
    const part = await client.audit.verifyCheckpoints({ after, limit: 100 })
    for (const { keyId } of part.checkpoints) keys.add(keyId)
    number += part.checkpoints.length
    if (!part.isWhole) return { isWhole: false, faults: part.faults, sentence: 'Not what was signed.' }
    if (part.checkpoints.length === 0) break
    after = part.nextAfter
  }
  return {
    isWhole: true,
    faults: [],
    sentence: `Whole: ${count(number, 'signed checkpoint')} by ${count(keys.size, 'key')}.`,
  }
}
