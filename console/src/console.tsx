import { useEffect, useRef } from 'preact/hooks'
import { Link, Route, Router, Switch, useLocation } from 'wouter-preact'
import { useAnswer } from './live.ts'
import { PAGES } from './pages.ts'
import { Empty, Waiting } from './parts/said.tsx'
import { ROOT } from './root.ts'
import { Account } from './screens/account.tsx'
import { ApprovalScreen } from './screens/approval.tsx'
import { Approvals } from './screens/approvals.tsx'
import { AuditScreen } from './screens/audit.tsx'
import { DeploymentScreen } from './screens/deployment.tsx'
import { Deployments } from './screens/deployments.tsx'
import { EnvironmentScreen } from './screens/environment.tsx'
import { ModuleScreen } from './screens/module.tsx'
import { Modules } from './screens/modules.tsx'
import { NewDeployment } from './screens/new-deployment.tsx'
import { NodeScreen } from './screens/node.tsx'
import { Overview } from './screens/overview.tsx'
import { NewPassword, SignIn } from './screens/sign-in.tsx'
import { client, SessionProvider, useSession, useUser } from './session.tsx'

export function Console() {
  return (
    <SessionProvider>
      <Router base={ROOT}>
        <Door />
      </Router>
    </SessionProvider>
  )
}

/** Lets in who is signed in. The address stays, so whoever signs in again is where they were. */
function Door() {
  const { user } = useSession()
  if (user === undefined) return <Waiting />
  if (user === null) return <SignIn />
  if (user.mustChangePassword) return <NewPassword />
  return <Frame />
}

function Frame() {
  const [at] = useLocation()
  const main = useRef<HTMLElement>(null)
  // Whoever hears the page is told that another screen is there.
  useEffect(() => {
    window.scrollTo(0, 0)
    if (document.activeElement !== document.body) main.current?.focus({ preventScroll: true })
  }, [at])
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Head />
      <main id="main" ref={main} tabIndex={-1}>
        <Switch>
          <Route path={PAGES.overview} component={Overview} />
          <Route path={PAGES.deployments} component={Deployments} />
          <Route path={PAGES.newDeployment} component={NewDeployment} />
          <Route path={PAGES.deployment} component={DeploymentScreen} />
          <Route path={PAGES.approvals} component={Approvals} />
          <Route path={PAGES.approval} component={ApprovalScreen} />
          <Route path={PAGES.environment} component={EnvironmentScreen} />
          <Route path={PAGES.node} component={NodeScreen} />
          <Route path={PAGES.modules} component={Modules} />
          <Route path={PAGES.module} component={ModuleScreen} />
          <Route path={PAGES.audit} component={AuditScreen} />
          <Route path={PAGES.account} component={Account} />
          <Route>
            <Empty title="There is no such screen.">
              <Link href="/">Back to the overview</Link>
            </Empty>
          </Route>
        </Switch>
      </main>
    </>
  )
}

function Head() {
  const user = useUser()
  const { signOut } = useSession()
  const waiting = useAnswer(() => client.approvals.listPending({ limit: 100 }), [], 10_000)
  const mine = (waiting.value?.items ?? []).filter((each) => !each.mayNotDecide.includes(user.username)).length
  const mayDecide = user.roles.some((role) => role === 'Approver' || role === 'Admin')
  return (
    <header class="head">
      <Link href="/" class="brand" aria-label="HotSwap, overview">
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" focusable="false">
          <path d="M8 13h13l-4-4M24 19H11l4 4" />
        </svg>
        HotSwap
      </Link>
      <nav aria-label="Screens">
        <Place to={PAGES.overview} name="Overview" />
        <Place to={PAGES.deployments} name="Deployments" />
        <Place to={PAGES.approvals} name="Approvals" waiting={mayDecide ? mine : 0} />
        <Place to={PAGES.modules} name="Modules" />
        <Place to={PAGES.audit} name="Audit" />
      </nav>
      <div class="who">
        <Link href={PAGES.account} title={user.roles.join(', ')}>
          {user.username}
        </Link>
        <button type="button" class="quiet" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </header>
  )
}

function Place({ to, name, waiting = 0 }: { to: string; name: string; waiting?: number }) {
  const [at] = useLocation()
  const isHere = to === '/' ? at === '/' || at.startsWith('/environments') : at.startsWith(to)
  return (
    <Link href={to} aria-current={isHere ? 'page' : undefined}>
      {name}
      {waiting > 0 && (
        <span class="badge">
          {waiting}
          <span class="unseen"> waiting for you</span>
        </span>
      )}
    </Link>
  )
}
