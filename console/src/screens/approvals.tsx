import type { Approval } from '@hotswap/distributed-kernel-sdk'
import { Link } from 'wouter-preact'
import { useAnswer, useNow } from '../live.ts'
import { Empty, Shown } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { mayDecide } from '../rights.ts'
import { client, useUser } from '../session.tsx'
import { away, whole } from '../time.ts'

/** What waits for people, the one that expires first first. */
export function Approvals() {
  const found = useAnswer(() => client.approvals.listPending({ limit: 50 }).all(200), [], 4_000)
  const user = useUser()
  return (
    <Screen title="Approvals">
      <Shown of={found}>
        {(all) => {
          const mine = all.filter((each) => mayDecide(user, each))
          const others = all.filter((each) => !mayDecide(user, each))
          return (
            <>
              {all.length === 0 && (
                <Empty title="Nothing waits for approval.">
                  <p>When a policy asks for people, their question stands here, with the plan and the evidence.</p>
                </Empty>
              )}
              {mine.length > 0 && (
                <section aria-label="For you">
                  <h2>For you</h2>
                  <Questions approvals={mine} />
                </section>
              )}
              {others.length > 0 && (
                <section aria-label="For others">
                  <h2>For others</h2>
                  <Questions approvals={others} />
                </section>
              )}
            </>
          )
        }}
      </Shown>
    </Screen>
  )
}

/** Questions in rows that lead to them. */
export function Questions({ approvals }: { approvals: readonly Approval[] }) {
  const now = useNow(1_000)
  return (
    <ul class="rows">
      {approvals.map((each) => (
        <li key={each.approvalId}>
          <Link href={`/approvals/${each.executionId}`} class="row question">
            <span class="row-main">
              <span class="name">{each.moduleName}</span>{' '}
              <span class="version">
                {each.fromVersion ?? 'nothing'} <span aria-hidden="true">→</span>
                <span class="unseen"> becomes </span> {each.version}
              </span>
            </span>
            <span class="row-where">{each.targetEnvironment}</span>
            <span class="row-needs">{each.stillNeeded.sentence}</span>
            <span class="row-who faint">
              asked by {each.requestedBy}; expires{' '}
              <time dateTime={each.expiresAt} title={whole(each.expiresAt)}>
                {away(each.expiresAt, now)}
              </time>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
