// Deploys from a CI job without a password: the job's identity token (OIDC) is exchanged for an access token.
// In GitHub Actions (permissions: id-token: write) it is fetched; elsewhere HOTSWAP_ID_TOKEN holds it.
//   HOTSWAP_URL=… HOTSWAP_ID_TOKEN=… node examples/ci-deploy.ts payment-processor 2.0.0 Staging
import { isEnd, OrchestrationClient } from '@hotswap/distributed-kernel-sdk'

const { HOTSWAP_URL: baseUrl = 'http://127.0.0.1:8000', GITHUB_SHA, GITHUB_RUN_ID, CI_JOB_ID } = process.env
const [moduleName = 'payment-processor', version = '2.0.0', environment = 'Development'] = process.argv.slice(2)

async function identityToken(): Promise<string> {
  const {
    ACTIONS_ID_TOKEN_REQUEST_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: token,
    HOTSWAP_ID_TOKEN: given = '',
  } = process.env
  if (!url) return given
  const response = await fetch(`${url}&audience=hotswap`, { headers: { Authorization: `Bearer ${token}` } })
  return ((await response.json()) as { value: string }).value
}

const client = new OrchestrationClient({ baseUrl, identityToken })
const job = GITHUB_RUN_ID ?? CI_JOB_ID
const { executionId } = await client.deployments.create(
  {
    moduleName,
    version,
    targetEnvironment: environment as 'Development',
    metadata: { commit: GITHUB_SHA ?? 'unknown' },
  },
  // A job that is run again asks for the same deployment, not for another.
  job === undefined ? {} : { idempotencyKey: `ci-${job}-${moduleName}-${version}` },
)
console.log(`${executionId}: hotswap watch ${executionId}`)

for await (const event of client.deployments.watch(executionId))
  console.log(event.at, event.type, event.environment ?? '')
const { status, error } = await client.deployments.getStatus(executionId)
console.log(status, error?.message ?? '')
process.exitCode = isEnd(status) && status === 'Completed' ? 0 : 1
