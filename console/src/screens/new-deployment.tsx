import type { CreateDeployment, Environment, Plan } from '@hotswap/distributed-kernel-sdk'
import { useMemo, useState } from 'preact/hooks'
import { Link, useLocation, useSearchParams } from 'wouter-preact'
import { ENVIRONMENTS } from '../environments.ts'
import { useAnswer } from '../live.ts'
import { Empty, Problem, Shown } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Sign, Status } from '../parts/status.tsx'
import { WaveSteps } from '../parts/wave-steps.tsx'
import { mayDeploy } from '../rights.ts'
import { client, useSession, useUser } from '../session.tsx'
import { day, lasting, whole } from '../time.ts'
import { count, text } from '../words.ts'

/** Which version, and where to. What is chosen stands in the address; what would happen stands beside it. */
export function NewDeployment() {
  const user = useUser()
  const { isOver } = useSession()
  const [, go] = useLocation()
  const [search, setSearch] = useSearchParams()
  const [description, setDescription] = useState('')
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)
  const modules = useAnswer(() => client.modules.list({ limit: 100 }).all(500), [])
  const names = modules.value?.map(({ moduleName }) => moduleName) ?? []
  const moduleName = search.get('module') ?? (names.length === 1 ? (names[0] ?? '') : '')
  const versions = useAnswer(
    async () => (moduleName === '' ? [] : client.modules.listVersions(moduleName).all()),
    [moduleName],
  )
  const version = search.get('version') ?? ''
  const target = (search.get('to') as Environment | null) ?? 'Development'
  const asks = search.get('ask') === 'yes'
  const downgrades = search.get('older') === 'yes'
  const put = (name: string, value: string) =>
    setSearch(
      (before) => {
        if (value === '') before.delete(name)
        else before.set(name, value)
        if (name === 'module') before.delete('version')
        return before
      },
      { replace: true },
    )
  const body = useMemo<CreateDeployment | undefined>(
    () =>
      moduleName === '' || version === ''
        ? undefined
        : { moduleName, version, targetEnvironment: target, requireApproval: asks, allowDowngrade: downgrades },
    [moduleName, version, target, asks, downgrades],
  )
  // However often the button is pressed for this, it is asked for once.
  const idempotencyKey = useMemo(() => crypto.randomUUID(), [body, description])
  const plan = useAnswer(async () => (body === undefined ? undefined : client.deployments.plan(body)), [body], 10_000)

  const isRefused = plan.value?.wouldRun === false

  const start = async (event: Event) => {
    event.preventDefault()
    if (body === undefined) return
    setBusy(true)
    setError(undefined)
    try {
      const asked = { ...body, description }
      const { executionId } = await client.deployments.create(asked, { idempotencyKey })
      go(`/deployments/${executionId}`)
    } catch (failed) {
      if (!isOver(failed)) setError(failed)
      setBusy(false)
    }
  }
  if (!mayDeploy(user)) {
    return (
      <Screen title="New deployment">
        <Empty title="You can look, but not deploy.">
          <p>That needs the role Deployer; an administrator can give it to you.</p>
        </Empty>
      </Screen>
    )
  }
  return (
    <Screen title="New deployment" above={<Link href="/deployments">Deployments</Link>}>
      <div class="columns even">
        <form onSubmit={start} class="sheet padded wish">
          <Shown of={modules}>
            {(all) =>
              all.length === 0 ? (
                <Empty title="No module is registered yet.">
                  <p>
                    <code>hotswap modules push</code> signs and registers a version.
                  </p>
                </Empty>
              ) : (
                <>
                  <label class="field">
                    <span>Module</span>
                    <select required value={moduleName} onChange={(event) => put('module', event.currentTarget.value)}>
                      <option value="">Choose one</option>
                      {names.map((name) => (
                        <option key={name}>{name}</option>
                      ))}
                    </select>
                  </label>
                  <label class="field">
                    <span>Version</span>
                    <select
                      required
                      value={version}
                      disabled={moduleName === ''}
                      onChange={(event) => put('version', event.currentTarget.value)}
                    >
                      <option value="">Choose one</option>
                      {versions.value?.toReversed().map((each) => (
                        <option key={each.version} value={each.version} disabled={each.status === 'Quarantined'}>
                          {each.version}
                          {each.status === 'Quarantined' ? ' (quarantined)' : ''}
                        </option>
                      ))}
                    </select>
                  </label>
                </>
              )
            }
          </Shown>
          <fieldset class="field">
            <legend>Up to</legend>
            <div class="segments">
              {ENVIRONMENTS.map((each) => (
                <label key={each}>
                  <input type="radio" name="to" checked={each === target} onChange={() => put('to', each)} />
                  <span>{each}</span>
                </label>
              ))}
            </div>
            <small>It passes every environment before it, in this order.</small>
          </fieldset>
          <label class="field">
            <span>
              What is it about? <small>optional; approvers and the audit see it</small>
            </span>
            <textarea
              rows={2}
              maxLength={1000}
              value={description}
              onInput={(event) => setDescription(event.currentTarget.value)}
            />
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={asks}
              onChange={(event) => put('ask', event.currentTarget.checked ? 'yes' : '')}
            />
            <span>Ask somebody else to agree, also where the policy does not</span>
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={downgrades}
              onChange={(event) => put('older', event.currentTarget.checked ? 'yes' : '')}
            />
            <span>The version may be older than what runs</span>
          </label>
          {error !== undefined && <Problem error={error} />}
          <button type="submit" class="primary wide" disabled={isBusy || body === undefined || isRefused}>
            Deploy{version !== '' && ` ${version} up to ${target}`}
          </button>
          {isRefused && <p class="hint">It would be refused as things stand; the plan says why.</p>}
        </form>
        <section aria-label="What would happen" aria-live="polite">
          <h2>What would happen</h2>
          {body === undefined ? (
            <p class="faint">Choose a module and a version, and the plan stands here before anything is changed.</p>
          ) : (
            <Shown of={plan}>{(found) => found && <Preview plan={found} />}</Shown>
          )}
        </section>
      </div>
    </Screen>
  )
}

/** A plan, computed by the code that would carry it out. */
function Preview({ plan }: { plan: Plan }) {
  return (
    <>
      {plan.waitsForLine !== null && (
        <p class="notice">
          <Sign tone="wait" />
          <span>{plan.waitsForLine}</span>
        </p>
      )}
      <ol class="legs">
        {plan.environments.map((each) => (
          <li key={each.environment} class="sheet padded">
            <div class="title-line">
              <h3>{each.environment}</h3>
              {each.action === 'change' ? (
                <span class="faint">
                  {each.strategy !== null && text(each.strategy)} over {count(each.fleet, 'node')}
                </span>
              ) : (
                <Status
                  word={each.action === 'skip' ? 'Skipped' : 'Refused'}
                  say={each.action === 'skip' ? 'Skipped' : 'Refused'}
                />
              )}
            </div>
            {each.why !== null && each.action !== 'refuse' && <p class="faint">{each.why}</p>}
            {plan.refusals
              .filter(({ environment }) => environment === each.environment)
              .map(({ code, message }) => (
                <p key={code} class="problem">
                  <Sign tone="bad" />
                  <span>{message}</span>
                </p>
              ))}
            {each.gate !== null && (
              <p class="gate">
                <Sign tone="wait" />
                <span>
                  {count(each.gate.approvers, 'person has', 'people have')} to agree, within{' '}
                  {lasting(each.gate.expiresSeconds * 1000)}
                </span>
              </p>
            )}
            {each.queuedBehind !== null && (
              <p class="gate">
                <Sign tone="wait" />
                <span>Waits in line behind {each.queuedBehind}</span>
              </p>
            )}
            {each.freezes.map((freeze) => (
              <p key={freeze.name} class="gate">
                <Sign tone="wait" />
                <span>
                  Frozen by {freeze.name}
                  {freeze.until !== null && ` until ${day(freeze.until)}`}: {freeze.reason}
                </span>
              </p>
            ))}
            {each.leftOut.length > 0 && (
              <p class="faint">
                Left out: {each.leftOut.map(({ name, why }) => `${name} (${why.toLowerCase()})`).join(', ')}
              </p>
            )}
            {each.waves.length > 0 && <WaveSteps waves={each.waves} fleet={each.fleet} />}
          </li>
        ))}
      </ol>
      <dl class="facts">
        <dt>Done</dt>
        <dd>
          {plan.earliestEnd === null ? (
            'never, as things stand'
          ) : (
            <time dateTime={plan.earliestEnd} title={whole(plan.earliestEnd)}>
              {day(plan.earliestEnd)} at the earliest
            </time>
          )}
          {plan.worstCaseEnd !== null && `, ${day(plan.worstCaseEnd)} at the latest`}
        </dd>
        <dt>Cost</dt>
        <dd>
          ${plan.cost.expectedUsd} expected, ${plan.cost.atMostUsd} at most;{' '}
          {count(plan.stateTransitions.expected, 'state transition')}
        </dd>
      </dl>
    </>
  )
}
