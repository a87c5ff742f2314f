import type { Input, OperationId, ResultOf } from './http/operation.ts'
import { Sender } from './http/sender.ts'
import type { ClientOptions, RequestOptions } from './options.ts'
import { ApprovalLinks } from './resources/approval-links.ts'
import { Approvals } from './resources/approvals.ts'
import { Audit } from './resources/audit.ts'
import { Auth } from './resources/auth.ts'
import { Clusters } from './resources/clusters.ts'
import { Configurations } from './resources/configurations.ts'
import { Delegations } from './resources/delegations.ts'
import { DeployRules } from './resources/deploy-rules.ts'
import { Deployments } from './resources/deployments.ts'
import { Hooks } from './resources/hooks.ts'
import { Issuers } from './resources/issuers.ts'
import { Line } from './resources/line.ts'
import { Modules } from './resources/modules.ts'
import { Nodes } from './resources/nodes.ts'
import { Service } from './resources/service.ts'
import { SigningKeys } from './resources/signing-keys.ts'
import { Users } from './resources/users.ts'
import { Webhooks } from './resources/webhooks.ts'
import { Session } from './session.ts'
import type { User } from './types.ts'

/** Calls an operation of the OpenAPI document by its id; every method of every resource goes through it. */
export type Call = <O extends OperationId>(
  operation: O,
  input: Input<O>,
  options?: RequestOptions,
) => Promise<ResultOf<O>>

/**
 * HotSwap's API.
 *
 * ```ts
 * const client = new OrchestrationClient({ baseUrl, credentials: { username, password } })
 * const { executionId } = await client.deployments.create({ moduleName, version, targetEnvironment: 'Production' })
 * const { status } = await client.deployments.waitForCompletion(executionId)
 * ```
 */
export class OrchestrationClient {
  readonly deployments: Deployments
  readonly approvals: Approvals
  readonly clusters: Clusters
  readonly nodes: Nodes
  readonly modules: Modules
  readonly signingKeys: SigningKeys
  readonly approvalLinks: ApprovalLinks
  readonly configurations: Configurations
  readonly delegations: Delegations
  readonly deployRules: DeployRules
  readonly hooks: Hooks
  readonly webhooks: Webhooks
  readonly audit: Audit
  readonly line: Line
  readonly users: Users
  readonly issuers: Issuers
  readonly auth: Auth
  readonly service: Service
  readonly #session: Session

  constructor(options: ClientOptions) {
    const session = new Session(
      {
        logIn: ({ username, password }) => this.call('logIn', { body: { username, password } }),
        exchange: (idToken) => this.call('exchangeToken', { body: { idToken } }),
        refresh: (refreshToken) => this.call('refreshSession', { body: { refreshToken } }),
      },
      options,
    )
    const sender = new Sender(options, session)
    const call: Call = (operation, input, requestOptions) =>
      sender.send(operation, input, requestOptions) as Promise<ResultOf<typeof operation>>
    this.#session = session
    this.call = call
    this.deployments = new Deployments(call)
    this.approvals = new Approvals(call)
    this.clusters = new Clusters(call)
    this.nodes = new Nodes(call)
    this.modules = new Modules(call, sender)
    this.signingKeys = new SigningKeys(call)
    this.audit = new Audit(call)
    this.approvalLinks = new ApprovalLinks(call)
    this.configurations = new Configurations(call)
    this.delegations = new Delegations(call)
    this.deployRules = new DeployRules(call)
    this.hooks = new Hooks(call)
    this.webhooks = new Webhooks(call)
    this.line = new Line(call)
    this.users = new Users(call)
    this.issuers = new Issuers(call)
    this.auth = new Auth(call, session)
    this.service = new Service(call)
  }

  /** Any operation by its id in the OpenAPI document, typed by it: for what has no method of its own yet. */
  readonly call: Call

  /** Logs in with the client's credentials or identity token. Needed only to fail early: the first call that needs it does it too. */
  async authenticate(): Promise<User> {
    return (await this.#session.logIn()).user
  }

  /** Uses this token from now on; undefined forgets it. It stays in memory. */
  setToken(token: string | undefined): void {
    void this.#session.use(token)
  }
}
