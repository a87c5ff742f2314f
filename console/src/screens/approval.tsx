import type { Question } from '@hotswap/distributed-kernel-sdk'
import { useState } from 'preact/hooks'
import { Link, useParams } from 'wouter-preact'
import { useAnswer, useNow } from '../live.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Problem, Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Sign, Status } from '../parts/status.tsx'
import { WaveSteps } from '../parts/wave-steps.tsx'
import { mayDecide } from '../rights.ts'
import { client, useSession, useUser } from '../session.tsx'
import { away, lasting, whole } from '../time.ts'
import { count, short, text, toneOf } from '../words.ts'

type Verb = 'approve' | 'reject' | 'withdraw'

const VERBS: Readonly<Record<Verb, { readonly name: string; readonly looks: string; readonly effect: string }>> = {
  approve: {
    name: 'Approve',
    looks: 'primary',
    effect: 'Your agreement holds for this version, this plan and this policy, and for nothing else.',
  },
  reject: {
    name: 'Reject',
    looks: 'danger',
    effect: 'The deployment ends as Rejected. Environments that have the version keep it.',
  },
  withdraw: {
    name: 'Take back my agreement',
    looks: '',
    effect: 'It counts no more; the others still needed go up by one. You may decide anew.',
  },
}

/** One question, with everything to answer it by. */
export function ApprovalScreen() {
  const { executionId = '' } = useParams()
  const answer = useAnswer(() => client.approvals.get(executionId), [executionId], 3_000)
  return <Shown of={answer}>{(question) => <One question={question} again={answer.again} />}</Shown>
}

function One({ question, again }: { question: Question; again(): void }) {
  const user = useUser()
  const now = useNow(1_000)
  const [asked, setAsked] = useState<Verb>()
  const isOpen = question.status === 'Pending'
  const { moduleName, version, fromVersion, targetEnvironment } = question
  const agreed = question.decisions.some(({ by, onBehalfOf }) => by === user.username && onBehalfOf === null)
  const verbs: readonly Verb[] = agreed ? ['withdraw'] : ['reject', 'approve']
  const say = async (verb: Verb, reason: string) => {
    // What was read is what is decided: another question, or another plan, is refused.
    const { executionId, approvalId, planHash } = question
    const body = verb === 'withdraw' ? { reason, approvalId } : { reason, approvalId, planHash }
    await client.approvals[verb](executionId, body)
    again()
  }
  return (
    <Screen
      title={`${moduleName} ${version} to ${targetEnvironment}?`}
      above={<Link href="/approvals">Approvals</Link>}
      actions={
        isOpen &&
        mayDecide(user, question) &&
        verbs.map((verb) => (
          <button key={verb} type="button" class={VERBS[verb].looks} onClick={() => setAsked(verb)}>
            {VERBS[verb].name}
          </button>
        ))
      }
    >
      <p class="lead">
        <Status word={question.status} say={isOpen ? 'Open' : text(question.status)} />
        {isOpen ? (
          <span>
            {question.stillNeeded.sentence} It expires{' '}
            <time dateTime={question.expiresAt} title={whole(question.expiresAt)}>
              {away(question.expiresAt, now)}
            </time>
            ; nothing is changed then.
          </span>
        ) : (
          question.decidedAt !== null && (
            <span>
              decided <When at={question.decidedAt} now={now} />
            </span>
          )
        )}
      </p>
      {isOpen && <WhyNot question={question} />}
      <div class="columns">
        <div>
          <section aria-label="What changes">
            <h2>What changes</h2>
            <div class="sheet padded">
              <p class="change">
                <span class="version">{fromVersion ?? 'nothing'}</span>
                <span aria-hidden="true">→</span>
                <span class="unseen">becomes</span>
                <span class="version strong">{version}</span>
              </p>
              {question.description !== '' && <p class="description">{question.description}</p>}
              <dl class="facts">
                <dt>Asked by</dt>
                <dd>
                  {question.requestedBy}, <When at={question.requestedAt} now={now} />
                </dd>
                <dt>Digest</dt>
                <dd class="mono">
                  {short(question.fromDigest)} → {short(question.digest)}
                </dd>
                <dt>Policy</dt>
                <dd>revision {question.policyRevision}</dd>
              </dl>
              <Link href={`/deployments/${question.executionId}`}>The deployment</Link>
            </div>
          </section>
          <section aria-label="The plan">
            <h2>The plan</h2>
            {question.plan === null ? (
              <p class="problem">
                <Sign tone="bad" />
                <span>The policy cannot move the nodes that are there now.</span>
              </p>
            ) : (
              <div class="sheet padded">
                <p>
                  {text(question.plan.strategy)} over {count(question.plan.fleet, 'node')}, baking{' '}
                  {lasting(question.plan.bakeSeconds * 1000)} in all. Every wave is judged before the next begins.
                </p>
                <WaveSteps waves={question.plan.waves} fleet={question.plan.fleet} />
              </div>
            )}
          </section>
          <Evidence question={question} now={now} />
        </div>
        <div>
          <Said question={question} now={now} again={again} />
        </div>
      </div>
      {asked !== undefined && (
        <Confirm
          title={`${VERBS[asked].name}: ${moduleName} ${version} for ${targetEnvironment}?`}
          verb={VERBS[asked].name}
          isDangerous={asked === 'reject'}
          reasonRequired={question.reasonRequired}
          onSay={(reason) => say(asked, reason)}
          onClose={() => setAsked(undefined)}
        >
          <p>{VERBS[asked].effect}</p>
        </Confirm>
      )}
    </Screen>
  )
}

/** Why there are no buttons. */
function WhyNot({ question }: { question: Question }) {
  const user = useUser()
  if (mayDecide(user, question)) return null
  const why = question.mayNotDecide.includes(user.username)
    ? 'You asked for it, or registered the version: somebody else has to decide.'
    : user.roles.includes('Viewer') && user.roles.length === 1
      ? 'You can look, but not decide: that needs the role Approver.'
      : `Deciding needs the role Approver in ${question.targetEnvironment}.`
  return (
    <p class="notice">
      <Sign tone="wait" />
      <span>{why}</span>
    </p>
  )
}

function Evidence({ question, now }: { question: Question; now: number }) {
  return (
    <section aria-label="Evidence from the environments before">
      <h2>How the environments before took it</h2>
      {question.evidence.length === 0 && (
        <p class="faint">There are none before {question.targetEnvironment}, or they were jumped.</p>
      )}
      <ul class="rows">
        {question.evidence.map((each) => (
          <li key={each.environment} class="evidence">
            <div class="title-line">
              <h3>
                <Link href={`/deployments/${each.executionId}?environment=${each.environment}`}>
                  {each.environment}
                </Link>
              </h3>
              <Status word={each.outcome} />
              {each.endedAt !== null && (
                <span class="faint">
                  <When at={each.endedAt} now={now} />
                </span>
              )}
            </div>
            {each.message !== '' && <p>{each.message}</p>}
            {each.verdicts.map(
              (verdict) =>
                verdict.sentence !== null && (
                  <p key={verdict.wave} class={`verdict ${toneOf(verdict.decision ?? '')}`}>
                    <Sign tone={toneOf(verdict.decision ?? '')} />
                    <span>
                      Wave {verdict.wave + 1}: {verdict.sentence}
                    </span>
                  </p>
                ),
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Who said what, and a place to say more. */
function Said({ question, now, again }: { question: Question; now: number; again(): void }) {
  const user = useUser()
  const { isOver } = useSession()
  const [comment, setComment] = useState('')
  const [error, setError] = useState<unknown>()
  const mayComment = question.status === 'Pending' && !(user.roles.length === 1 && user.roles[0] === 'Viewer')
  const say = async (event: Event) => {
    event.preventDefault()
    setError(undefined)
    try {
      await client.approvals.comment(question.executionId, { text: comment, approvalId: question.approvalId })
      setComment('')
      again()
    } catch (failed) {
      if (!isOver(failed)) setError(failed)
    }
  }
  return (
    <section aria-label="Who said what">
      <h2>Who said what</h2>
      {question.decisions.length + question.comments.length === 0 && <p class="faint">Nobody has said anything yet.</p>}
      <ul class="plain sayings">
        {question.decisions.map((each) => (
          <li key={`${each.by}${each.at}`}>
            <Status word={each.approved ? 'Approved' : 'Rejected'} say={each.approved ? 'approved' : 'rejected'} />
            <span>
              {' '}
              by {each.by}
              {each.onBehalfOf !== null && ` for ${each.onBehalfOf}`}, <When at={each.at} now={now} />
            </span>
            {each.reason !== '' && <p>{each.reason}</p>}
          </li>
        ))}
        {question.comments.map((each) => (
          <li key={`${each.by}${each.at}${each.text}`}>
            <span class="faint">
              {each.by}, <When at={each.at} now={now} />
            </span>
            <p>{each.text}</p>
          </li>
        ))}
      </ul>
      {mayComment && (
        <form onSubmit={say}>
          <label class="field">
            <span>
              Comment <small>decides nothing</small>
            </span>
            <textarea
              rows={2}
              maxLength={1000}
              required
              value={comment}
              onInput={(event) => setComment(event.currentTarget.value)}
            />
          </label>
          {error !== undefined && <Problem error={error} />}
          <button type="submit">Comment</button>
        </form>
      )}
    </section>
  )
}
