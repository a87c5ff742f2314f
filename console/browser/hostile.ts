import type { Route } from 'playwright-core'

/** What would run if it ever became HTML. */
export const HOSTILE = '<img src=x onerror="window.pwned=1">'

/** Fields whose values the screens take apart; all others may be anything that somebody wrote. */
const MEANT =
  /^(status|phase|state|health|environment|targetEnvironment|environments|roles|role|kind|strategy|type|decision|outcome|action|username|conclusion|executionId|nodeId|approvalId|digest|fromDigest|currentDigest|active|cursor|accessToken|refreshToken|tokenType|name|moduleName|version|comparedWith|mode|line|planHash|mayNotDecide|expectedUsd|atMostUsd)$/
/** Names are words of the API in some places and somebody's in others. */
const NAMED = /nodes|labels|metadata|freezes|leftOut|detail/
const INSTANT = /^\d{4}-\d\d-\d\dT/

/** Answers what the API answers, with every text somebody could have written replaced. */
export async function poison(route: Route): Promise<void> {
  const response = await route.fetch()
  const type = response.headers()['content-type'] ?? ''
  if (!type.includes('json')) return route.fulfill({ response })
  const json: unknown = await response.json()
  await route.fulfill({ response, json: poisoned(json, '', '') })
}

function poisoned(value: unknown, name: string, within: string): unknown {
  if (Array.isArray(value)) return value.map((each) => poisoned(each, name, within))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, poisoned(each, key, `${within}.${name}`)]),
    )
  }
  if (typeof value !== 'string' || INSTANT.test(value)) return value
  const isMeant = MEANT.test(name) && !(name === 'name' && NAMED.test(within))
  return isMeant ? value : `${value} ${HOSTILE}`
}
