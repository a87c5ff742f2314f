/** Resolves after `milliseconds`; rejects with the signal's reason as soon as it is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Runs `work` with a signal that is aborted when the caller's is, or after `milliseconds`; `expired()` tells which. */
export async function within<T>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, expired: () => boolean) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const inner = new AbortController()
  let isExpired = false
  const timer = setTimeout(() => {
    isExpired = true
    inner.abort()
  }, milliseconds)
  const stop = () => inner.abort(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await work(inner.signal, () => isExpired)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}
