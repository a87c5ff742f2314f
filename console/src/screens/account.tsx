import { useState } from 'preact/hooks'
import { ENVIRONMENTS } from '../environments.ts'
import { Screen } from '../parts/screen.tsx'
import { Sign } from '../parts/status.tsx'
import { useSession, useUser } from '../session.tsx'
import { ChangePassword } from './sign-in.tsx'

/** Who somebody is here, and their password. */
export function Account() {
  const user = useUser()
  const { signOut } = useSession()
  const [isDone, setDone] = useState(false)
  return (
    <Screen
      title={user.username}
      actions={
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      }
    >
      <dl class="facts">
        <dt>Roles</dt>
        <dd>{user.roles.join(', ')}</dd>
        <dt>In</dt>
        <dd>
          {user.environments.length === ENVIRONMENTS.length
            ? 'every environment'
            : user.environments.join(', ') || 'none'}
        </dd>
        <dt>Times</dt>
        <dd>are shown in {Intl.DateTimeFormat().resolvedOptions().timeZone}</dd>
      </dl>
      <section aria-label="Password" class="narrow">
        <h2>Change your password</h2>
        <ChangePassword onDone={() => setDone(true)} />
        <p role="status">
          {isDone && (
            <span class="status good">
              <Sign tone="good" /> Changed; your other sessions have ended.
            </span>
          )}
        </p>
      </section>
    </Screen>
  )
}
