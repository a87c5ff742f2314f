import type { ModuleVersion } from '@hotswap/distributed-kernel-sdk'
import { useState } from 'preact/hooks'
import { Link, useParams } from 'wouter-preact'
import { useAnswer, useNow } from '../live.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Sign, Status } from '../parts/status.tsx'
import { mayDecide, mayDeploy, mayManageKeys } from '../rights.ts'
import { client, useUser } from '../session.tsx'
import { count, short } from '../words.ts'

type Asked =
  | { readonly what: 'quarantine' | 'release'; readonly version: string }
  | { readonly what: 'let back'; readonly version: string; readonly environment: Kept['environment'] }
type Kept = Awaited<ReturnType<ReturnType<typeof client.modules.listQuarantine>['all']>>[number]

/** One module: where which version runs, every version, and what may not come back. */
export function ModuleScreen() {
  const name = useParams()['name'] ?? ''
  const user = useUser()
  const versions = useAnswer(() => client.modules.listVersions(name).all(), [name], 10_000)
  const clusters = useAnswer(() => client.clusters.list().all(), [name], 5_000)
  const quarantines = useAnswer(() => client.modules.listQuarantine(name).all(), [name], 10_000)
  const [asked, setAsked] = useState<Asked>()
  const now = useNow(30_000)
  const say = async (reason: string) => {
    if (asked?.what === 'quarantine') await client.modules.quarantine(name, asked.version, { reason })
    if (asked?.what === 'release') await client.modules.release(name, asked.version, { reason })
    if (asked?.what === 'let back')
      await client.modules.releaseQuarantine(name, asked.environment, { version: asked.version, reason })
    versions.again()
    quarantines.again()
  }
  return (
    <Screen
      title={name}
      above={<Link href="/modules">Modules</Link>}
      actions={
        mayDeploy(user) && (
          <Link href={`/deployments/new?module=${name}`} class="button primary">
            New deployment
          </Link>
        )
      }
    >
      <Shown of={clusters}>
        {(all) => (
          <ul class="plain where-runs">
            {all.map(({ environment, modules }) => {
              const here = modules.find(({ moduleName }) => moduleName === name)
              return (
                <li key={environment} class="sheet">
                  <Link href={`/environments/${environment}`}>{environment}</Link>
                  <span class="version">{here?.currentVersion ?? 'nothing'}</span>
                </li>
              )
            })}
          </ul>
        )}
      </Shown>
      <section aria-label="Versions">
        <h2>Versions</h2>
        <Shown of={versions}>
          {(all) => (
            <ul class="rows">
              {all.toReversed().map((each) => (
                <Version
                  key={each.version}
                  version={each}
                  onAsk={mayManageKeys(user) ? (what) => setAsked({ what, version: each.version }) : undefined}
                />
              ))}
            </ul>
          )}
        </Shown>
      </section>
      <section aria-label="Quarantine">
        <h2>Kept out after a rollback</h2>
        <Shown of={quarantines}>
          {(all) => {
            const kept = all.filter(({ releasedAt }) => releasedAt === null)
            if (kept.length === 0) return <p class="faint">Nothing is: what is rolled back somewhere stands here.</p>
            return (
              <ul class="rows">
                {kept.map((each) => (
                  <li key={each.environment + each.digest} class="row acts">
                    <span class="row-main">
                      <span class="version">{each.version}</span> out of {each.environment}
                    </span>
                    <Link href={`/deployments/${each.executionId}`} class="row-where">
                      The deployment
                    </Link>
                    <span />
                    <span class="row-who faint">
                      since <When at={each.since} now={now} />
                    </span>
                    {mayDecide(user, { mayNotDecide: [], targetEnvironment: each.environment }) && (
                      <button
                        type="button"
                        onClick={() =>
                          setAsked({ what: 'let back', version: each.version, environment: each.environment })
                        }
                      >
                        Let it back
                      </button>
                    )}
                    <span class="row-why faint">{each.reason}</span>
                  </li>
                ))}
              </ul>
            )
          }}
        </Shown>
      </section>
      {asked !== undefined && (
        <Confirm
          title={titleOf(asked)}
          verb={asked.what === 'quarantine' ? 'Quarantine' : 'Release'}
          isDangerous={asked.what === 'quarantine'}
          reasonRequired
          onSay={say}
          onClose={() => setAsked(undefined)}
        >
          <p>
            {asked.what === 'quarantine'
              ? 'Nobody can deploy it any more. Where it runs, it goes on running.'
              : 'It may be deployed again.'}
          </p>
        </Confirm>
      )}
    </Screen>
  )
}

function titleOf(asked: Asked): string {
  if (asked.what === 'let back') return `Let ${asked.version} back into ${asked.environment}?`
  return `${asked.what === 'quarantine' ? 'Quarantine' : 'Release'} ${asked.version}?`
}

function Version({
  version,
  onAsk,
}: {
  version: ModuleVersion
  onAsk: ((what: 'quarantine' | 'release') => void) | undefined
}) {
  const now = useNow(30_000)
  const isOut = version.status === 'Quarantined'
  return (
    <li class={onAsk === undefined ? 'row' : 'row acts'}>
      <span class="row-main">
        <span class="version strong">{version.version}</span>
        {version.irreversible && <span class="tag">cannot be taken back</span>}
      </span>
      <span class="row-where mono" title={version.digest}>
        {short(version.digest)}
      </span>
      {isOut ? (
        <Status word="Quarantined" />
      ) : version.signature === null ? (
        <Status word="Pending" say="Not signed" />
      ) : (
        <span class="status good" title={version.keyId ?? ''}>
          <Sign tone="good" />
          Signed
        </span>
      )}
      <span class="row-who faint">
        {count(Math.max(1, Math.round(version.size / 1024)), 'kB', 'kB')}, {version.registeredBy},{' '}
        <When at={version.registeredAt} now={now} />
      </span>
      {onAsk !== undefined && (
        <button type="button" class="quiet" onClick={() => onAsk(isOut ? 'release' : 'quarantine')}>
          {isOut ? 'Release' : 'Quarantine'}
          <span class="unseen"> {version.version}</span>
        </button>
      )}
      {isOut && version.reason !== '' && <span class="row-why faint">{version.reason}</span>}
    </li>
  )
}
