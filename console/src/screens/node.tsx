import type { ClusterSummary, Node } from '@hotswap/distributed-kernel-sdk'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Link, useParams } from 'wouter-preact'
import { useAnswer, useNow } from '../live.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Empty, Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Sign, Status } from '../parts/status.tsx'
import { mayManageNodes } from '../rights.ts'
import { client, useUser } from '../session.tsx'
import { day, whole } from '../time.ts'
import { short, type Tone } from '../words.ts'

/** One node: what it runs, how it is, and what became of it. */
export function NodeScreen() {
  const { nodeId = '' } = useParams()
  const node = useAnswer(() => client.nodes.get(nodeId), [nodeId], 3_000)
  const clusters = useAnswer(() => client.clusters.list().all(), [nodeId], 10_000)
  const history = useAnswer(() => client.nodes.history(nodeId), [nodeId], 5_000)
  return (
    <Shown of={node}>
      {(found) => (
        <One node={found} versions={versionsIn(clusters.value ?? [])} again={node.again}>
          <section aria-label="History">
            <h2>What became of it</h2>
            <Shown of={history}>
              {({ changes }) =>
                changes.length === 0 ? (
                  <Empty title="Nothing yet." />
                ) : (
                  <ol class="timeline long">
                    {changes.map((each) => (
                      <li key={each.seq}>
                        <time dateTime={each.at} title={whole(each.at)}>
                          {day(each.at)}
                        </time>
                        <span class={toneOfChange(each.what)}>
                          <Sign tone={toneOfChange(each.what)} />
                        </span>
                        <div>
                          <p>
                            {each.what}
                            {each.by !== null && ` by ${each.by}`}
                          </p>
                          {each.reason !== '' && <p class="faint">{each.reason}</p>}
                        </div>
                      </li>
                    ))}
                  </ol>
                )
              }
            </Shown>
          </section>
        </One>
      )}
    </Shown>
  )
}

type Verb = 'cordon' | 'uncordon' | 'drain'
const EFFECTS: Readonly<Record<Verb, string>> = {
  cordon: 'It keeps what it runs and takes part in no new rollout.',
  uncordon: 'It takes part in new rollouts again, and gets what its environment runs.',
  drain: 'It stops what it runs and takes part in nothing, because it is about to go.',
}
const NAMES: Readonly<Record<Verb, string>> = { cordon: 'Cordon', uncordon: 'Uncordon', drain: 'Drain' }

/** Which version a digest is, of what runs or comes somewhere. */
function versionsIn(clusters: readonly ClusterSummary[]): ReadonlyMap<string | null, string | null> {
  return new Map(
    clusters.flatMap(({ modules }) =>
      modules.flatMap((each): [string | null, string | null][] => [
        [each.changingToDigest, each.changingToVersion],
        [each.currentDigest, each.currentVersion],
      ]),
    ),
  )
}

function One({
  node,
  versions,
  again,
  children,
}: {
  node: Node
  versions: ReadonlyMap<string | null, string | null>
  again(): void
  children: ComponentChildren
}) {
  const user = useUser()
  const now = useNow(1_000)
  const [asked, setAsked] = useState<Verb>()
  const verbs: readonly Verb[] = node.status === 'Active' ? ['cordon', 'drain'] : ['uncordon']
  return (
    <Screen
      title={node.name}
      above={<Link href={`/environments/${node.environment}`}>{node.environment}</Link>}
      actions={
        mayManageNodes(user, node.environment) &&
        node.status !== 'Removed' &&
        verbs.map((verb) => (
          <button key={verb} type="button" class={verb === 'drain' ? 'danger' : ''} onClick={() => setAsked(verb)}>
            {NAMES[verb]}
          </button>
        ))
      }
    >
      <p class="lead">
        <Status word={node.state} />
        <Status word={node.status} />
        <span class="faint">
          heard <When at={node.lastHeartbeatAt} now={now} />, every {node.heartbeatMs / 1000} s
        </span>
      </p>
      <section aria-label="What it runs">
        <h2>What it runs</h2>
        {node.modules.length === 0 && <p class="faint">Nothing.</p>}
        <ul class="rows">
          {node.modules.map((each) => (
            <li key={each.moduleName} class="row">
              <Link href={`/modules/${each.moduleName}`} class="row-main name">
                {each.moduleName}
              </Link>
              <span class="version row-where" title={each.active ?? ''}>
                {versions.get(each.active) ?? short(each.active)}
              </span>
              <Status word={each.healthy ? 'Healthy' : 'Unhealthy'} />
              <span class="row-who faint">
                {each.staged.length > 0 &&
                  `parked beside it: ${each.staged.map((digest) => versions.get(digest) ?? short(digest)).join(', ')}`}
              </span>
              {each.lastReason !== null && <span class="row-why faint">{each.lastReason}</span>}
            </li>
          ))}
        </ul>
        {node.drift.map((each) => (
          <p key={each.moduleName} class="notice">
            <Sign tone="wait" />
            <span>
              {each.moduleName} is not what this node should run, since <When at={each.since} now={now} />. It is told
              so with each heartbeat.
            </span>
          </p>
        ))}
      </section>
      {children}
      <section aria-label="About this node">
        <h2>About</h2>
        <dl class="facts">
          <dt>Id</dt>
          <dd class="mono">{node.nodeId}</dd>
          <dt>Kind</dt>
          <dd>
            {node.kind} {node.kernelVersion}
          </dd>
          {node.address !== '' && (
            <>
              <dt>Address</dt>
              <dd class="mono">{node.address}</dd>
            </>
          )}
          <dt>Enrolled</dt>
          <dd>{whole(node.enrolledAt)}</dd>
          {Object.entries(node.labels).map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </>
          ))}
        </dl>
      </section>
      {asked !== undefined && (
        <Confirm
          title={`${NAMES[asked]} ${node.name}?`}
          verb={NAMES[asked]}
          isDangerous={asked === 'drain'}
          onSay={async (reason) => {
            await client.nodes[asked](node.nodeId, { reason })
            again()
          }}
          onClose={() => setAsked(undefined)}
        >
          <p>{EFFECTS[asked]}</p>
        </Confirm>
      )}
    </Screen>
  )
}

function toneOfChange(what: string): Tone {
  if (/Silent|Drift|Cordon|Drain/.test(what) && !/Uncordon|Healed/.test(what)) return 'wait'
  if (/Unhealthy|Removed/.test(what)) return 'bad'
  return 'good'
}
