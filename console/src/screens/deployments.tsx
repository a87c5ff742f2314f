import {
  type DeploymentStatus,
  type DeploymentSummary,
  END_STATUSES,
  type Environment,
} from '@hotswap/distributed-kernel-sdk'
import { useState } from 'preact/hooks'
import { Link, useSearchParams } from 'wouter-preact'
import { ENVIRONMENTS } from '../environments.ts'
import { useAnswer, useNow } from '../live.ts'
import { PAGES } from '../pages.ts'
import { Empty, Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Status } from '../parts/status.tsx'
import { mayDeploy } from '../rights.ts'
import { client, useUser } from '../session.tsx'
import { text } from '../words.ts'

const STATUSES: readonly DeploymentStatus[] = [
  'Running',
  'PendingApproval',
  'Queued',
  'Paused',
  'RollingBack',
  ...END_STATUSES,
]
const PAGE = 25

/** Every deployment, newest first; what is looked for stands in the address. */
export function Deployments() {
  const user = useUser()
  const [search, setSearch] = useSearchParams()
  const [most, setMost] = useState(PAGE)
  const environment = search.get('environment') as Environment | null
  const status = search.get('status') as DeploymentStatus | null
  const module = search.get('module')
  const found = useAnswer(
    () => client.deployments.list({ environment, status, module, limit: Math.min(most + 1, 100) }).all(most + 1),
    [environment, status, module, most],
    5_000,
  )
  const look = (name: string, value: string) =>
    setSearch((before) => {
      if (value === '') before.delete(name)
      else before.set(name, value)
      return before
    })
  return (
    <Screen
      title="Deployments"
      actions={
        mayDeploy(user) && (
          <Link href={PAGES.newDeployment} class="button primary">
            New deployment
          </Link>
        )
      }
    >
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Choice label="Target" of={ENVIRONMENTS} value={environment ?? ''} onPick={(to) => look('environment', to)} />
        <Choice label="Status" of={STATUSES} value={status ?? ''} onPick={(to) => look('status', to)} />
        {module !== null && (
          <button type="button" onClick={() => look('module', '')}>
            {module} <span aria-hidden="true">×</span>
            <span class="unseen">: show all modules</span>
          </button>
        )}
      </form>
      <Shown of={found}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No deployment is like this.">
              <p>Choose another target or status, or start a new deployment.</p>
            </Empty>
          ) : (
            <>
              <DeploymentRows deployments={all.slice(0, most)} />
              {all.length > most && (
                <button type="button" class="more" onClick={() => setMost((before) => before + PAGE)}>
                  Show older ones
                </button>
              )}
            </>
          )
        }
      </Shown>
    </Screen>
  )
}

/** A choice of one, or of all. */
export function Choice({
  label,
  of,
  value,
  onPick,
}: {
  label: string
  of: readonly string[]
  value: string
  onPick(to: string): void
}) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        <option value="">All</option>
        {of.map((each) => (
          <option key={each} value={each}>
            {text(each)}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Deployments in rows that lead to them. */
export function DeploymentRows({ deployments }: { deployments: readonly DeploymentSummary[] }) {
  const now = useNow(5_000)
  return (
    <ul class="rows">
      {deployments.map((each) => (
        <li key={each.executionId}>
          <Link href={`/deployments/${each.executionId}`} class="row">
            <span class="row-main">
              <span class="name">{each.moduleName}</span> <span class="version">{each.version}</span>
              {each.kind === 'rollback' && <span class="tag">rollback</span>}
            </span>
            <span class="row-where">{each.targetEnvironment}</span>
            <Status word={each.status} />
            <span class="row-who faint">
              {each.requestedBy}, <When at={each.endTime ?? each.startTime} now={now} />
            </span>
            {each.error !== null && <span class="row-why faint">{each.error.message}</span>}
          </Link>
        </li>
      ))}
    </ul>
  )
}
