import type { DeploymentEvent } from '@hotswap/distributed-kernel-sdk'
import { useState } from 'preact/hooks'
import { eventText } from '../../event-text.ts'
import { Sign } from '../../parts/status.tsx'
import { clock, whole } from '../../time.ts'

const FIRST = 10

/** Everything that happened, the newest first. */
export function Timeline({ events }: { events: readonly DeploymentEvent[] }) {
  const [most, setMost] = useState(FIRST)
  const before = new Set<string>()
  // A verdict's sentence is in all that follows from it; it is read where it was said first.
  const told = events.map((event) => {
    const { tone, what, said = '' } = eventText(event)
    const isNew = said !== '' && !before.has(said)
    before.add(said)
    return { event, tone, what, said: isNew ? said : '' }
  })
  return (
    <section aria-label="Timeline">
      <h2>Timeline</h2>
      <ol class="timeline">
        {told
          .toReversed()
          .slice(0, most)
          .map(({ event, tone, what, said }) => (
            <li key={event.seq}>
              <time dateTime={event.at} title={whole(event.at)}>
                {clock(event.at)}
              </time>
              <span class={tone}>
                <Sign tone={tone} />
              </span>
              <div>
                <p>
                  {event.environment !== null && (
                    <span class="where">
                      {event.environment}
                      {event.wave !== null && `, wave ${event.wave + 1}`}
                    </span>
                  )}{' '}
                  {what}
                </p>
                {said && <p class="faint">{said}</p>}
              </div>
            </li>
          ))}
      </ol>
      {events.length > most && (
        <button type="button" class="quiet more" onClick={() => setMost(events.length + 1_000)}>
          Show all {events.length} entries
        </button>
      )}
    </section>
  )
}
