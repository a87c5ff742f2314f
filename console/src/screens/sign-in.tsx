import { useState } from 'preact/hooks'
import { Problem } from '../parts/said.tsx'
import { Sign } from '../parts/status.tsx'
import { useSession, useUser } from '../session.tsx'

/** For whoever is not signed in; behind it the address stays as it is. */
export function SignIn() {
  const { signIn, hasExpired } = useSession()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const { error, isBusy, submit } = useSubmit(() => signIn(username.trim(), password))
  return (
    <main class="door">
      <h1>HotSwap</h1>
      {hasExpired && (
        <p class="notice" role="status">
          <Sign tone="wait" /> Your session is over. Sign in to go on where you were.
        </p>
      )}
      <form onSubmit={submit}>
        <label class="field">
          <span>User name</span>
          <input
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={username}
            onInput={(event) => setUsername(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        {error !== undefined && <Problem error={error} />}
        <button type="submit" class="primary wide" disabled={isBusy}>
          Sign in
        </button>
      </form>
      <p class="hint">No account, or a forgotten password? An administrator of this installation can help.</p>
    </main>
  )
}

/** For whoever was given a temporary password: with it, nothing else can be done. */
export function NewPassword() {
  const { signOut } = useSession()
  const { username } = useUser()
  return (
    <main class="door">
      <h1>Choose your password</h1>
      <p>
        {username}, the password you were given is a temporary one. Choose your own: at least 12 characters, and none
        that many people use.
      </p>
      <ChangePassword />
      <button type="button" class="quiet" onClick={() => void signOut()}>
        Sign out
      </button>
    </main>
  )
}

/** Every other session of the user ends with it. */
export function ChangePassword({ onDone }: { onDone?: () => void }) {
  const { changePassword } = useSession()
  const { username } = useUser()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const { error, isBusy, submit } = useSubmit(async () => {
    await changePassword(current, next)
    setCurrent('')
    setNext('')
    onDone?.()
  })
  return (
    <form onSubmit={submit}>
      <input type="hidden" name="username" autocomplete="username" value={username} />
      <label class="field">
        <span>Password you have</span>
        <input
          type="password"
          autocomplete="current-password"
          required
          value={current}
          onInput={(event) => setCurrent(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>New password</span>
        <input
          type="password"
          autocomplete="new-password"
          minLength={12}
          required
          value={next}
          onInput={(event) => setNext(event.currentTarget.value)}
        />
      </label>
      {error !== undefined && <Problem error={error} />}
      <button type="submit" class="primary wide" disabled={isBusy}>
        Change password
      </button>
    </form>
  )
}

function useSubmit(work: () => Promise<void>) {
  const [error, setError] = useState<unknown>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      await work()
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  return { error, isBusy, submit }
}
