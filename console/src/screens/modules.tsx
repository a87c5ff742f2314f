import { Link } from 'wouter-preact'
import { useAnswer, useNow } from '../live.ts'
import { Empty, Shown, When } from '../parts/said.tsx'
import { Screen } from '../parts/screen.tsx'
import { Status } from '../parts/status.tsx'
import { client } from '../session.tsx'

/** Every module, with the version that was registered last. */
export function Modules() {
  const found = useAnswer(() => client.modules.list({ limit: 100 }).all(500), [], 10_000)
  const now = useNow(30_000)
  return (
    <Screen title="Modules">
      <Shown of={found}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No module is registered yet.">
              <p>
                <code>hotswap modules push</code> signs a version, registers it and uploads its bytes.
              </p>
            </Empty>
          ) : (
            <ul class="rows">
              {all.map((each) => (
                <li key={each.moduleName}>
                  <Link href={`/modules/${each.moduleName}`} class="row">
                    <span class="row-main name">{each.moduleName}</span>
                    <span class="row-where version">{each.version}</span>
                    {each.status === 'Quarantined' ? <Status word={each.status} /> : <span />}
                    <span class="row-who faint">
                      {each.registeredBy}, <When at={each.registeredAt} now={now} />
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Screen>
  )
}
