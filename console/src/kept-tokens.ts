import type { KeptTokens, TokenStore } from '@hotswap/distributed-kernel-sdk'

const KEY = 'hotswap.session'

/**
 * Tokens that outlive a reload and are the same in every tab: whoever opens a link at night is signed in there, too.
 * A refresh token is good once, so tabs take turns to use it. The session ends after twelve hours, and with a sign-out.
 */
export class BrowserTokens implements TokenStore {
  async read(): Promise<KeptTokens | undefined> {
    const kept = localStorage.getItem(KEY)
    if (kept === null) return undefined
    try {
      return JSON.parse(kept) as KeptTokens
    } catch {
      localStorage.removeItem(KEY)
      return undefined
    }
  }

  async write(tokens: KeptTokens | undefined): Promise<void> {
    if (tokens === undefined) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, JSON.stringify(tokens))
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    // Only a page that came over https (or from this machine) has locks.
    return navigator.locks === undefined ? work() : navigator.locks.request(KEY, work)
  }
}

/** Calls back when another tab signed out. */
export function onSignedOutElsewhere(told: () => void): () => void {
  const listen = (event: StorageEvent) => {
    if (event.key === KEY && event.newValue === null) told()
  }
  window.addEventListener('storage', listen)
  return () => window.removeEventListener('storage', listen)
}

/** Whether somebody signed in here who may still be. */
export function mayBeSignedIn(): boolean {
  return localStorage.getItem(KEY) !== null
}
