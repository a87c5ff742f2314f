import {
  ApiError,
  AuthenticationError,
  NetworkError,
  OrchestrationClient,
  TimeoutError,
  type User,
} from '@hotswap/distributed-kernel-sdk'
import { type ComponentChildren, createContext } from 'preact'
import { useCallback, useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { BrowserTokens, mayBeSignedIn, onSignedOutElsewhere } from './kept-tokens.ts'
import { API } from './root.ts'

/** The only way from here to the API. A person who waits sees a failure after one repetition, not after four. */
export const client = new OrchestrationClient({
  baseUrl: API,
  tokenStore: new BrowserTokens(),
  retryAttempts: 1,
  retryDelay: 400,
})

/** Who is using the console; `undefined` while that is asked, null for nobody. */
export interface Session {
  readonly user: User | null | undefined
  /** Somebody was signed in and is no more, without having said so. */
  readonly hasExpired: boolean
  signIn(username: string, password: string): Promise<void>
  changePassword(current: string, next: string): Promise<void>
  signOut(): Promise<void>
  /** Tells whether an error means that nobody is signed in any more, and if so lets whoever is there sign in again. */
  isOver(error: unknown): boolean
}

const Current = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(Current)
  if (session === undefined) throw new Error('There is no session around this.')
  return session
}

/** Who is signed in, on screens that are shown to nobody else. */
export function useUser(): User {
  const { user } = useSession()
  if (!user) throw new Error('Nobody is signed in.')
  return user
}

export function SessionProvider({ children }: { children: ComponentChildren }) {
  const [user, setUser] = useState<User | null | undefined>(undefined)
  const [hasExpired, setHasExpired] = useState(false)

  const leave = useCallback((expired: boolean) => {
    setHasExpired(expired)
    setUser(null)
  }, [])

  useEffect(() => {
    if (!mayBeSignedIn()) return leave(false)
    client.auth.me().then(setUser, (error: unknown) => leave(error instanceof AuthenticationError))
  }, [leave])
  useEffect(() => onSignedOutElsewhere(() => leave(false)), [leave])

  const session = useMemo<Session>(
    () => ({
      user,
      hasExpired,
      async signIn(username, password) {
        setUser((await client.auth.login({ username, password })).user)
        setHasExpired(false)
      },
      async changePassword(currentPassword, newPassword) {
        setUser((await client.auth.changePassword({ currentPassword, newPassword })).user)
      },
      async signOut() {
        try {
          await client.auth.logout()
        } catch (error) {
          // The API may be away, or the session over; here it ends in any case.
          if (!(error instanceof Error)) throw error
          client.setToken(undefined)
        }
        leave(false)
      },
      isOver(error) {
        const over = error instanceof AuthenticationError
        if (over) leave(true)
        return over
      },
    }),
    [user, hasExpired, leave],
  )
  return <Current.Provider value={session}>{children}</Current.Provider>
}

/** What to tell a person about an error: what the API said, and by which id its operators find it. */
export function told(error: unknown): string {
  if (error instanceof ApiError) {
    const rules = error.fieldErrors.map(({ field, rule }) => (field ? `${field} ${rule}` : rule))
    return rules.length > 0 ? rules.join('; ') : error.detail || error.title
  }
  if (error instanceof NetworkError || error instanceof TimeoutError)
    return 'No answer came. Is the network there? What is shown goes on by itself when it is back.'
  return error instanceof Error ? error.message : String(error)
}
