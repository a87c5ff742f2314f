// Asks for a deployment that needs a person, and answers as that person.
//   HOTSWAP_APPROVER=amal HOTSWAP_APPROVER_PASSWORD=… node examples/approval-workflow.ts payment-processor 2.0.0
import { ConflictError, OrchestrationClient } from '@hotswap/distributed-kernel-sdk'

const {
  HOTSWAP_URL: baseUrl = 'http://127.0.0.1:8000',
  HOTSWAP_USERNAME: username = '',
  HOTSWAP_PASSWORD: password = '',
} = process.env
const { HOTSWAP_APPROVER: approver = 'amal', HOTSWAP_APPROVER_PASSWORD: approverPassword = '' } = process.env
const [moduleName = 'payment-processor', version = '2.0.0'] = process.argv.slice(2)

const dana = new OrchestrationClient({ baseUrl, credentials: { username, password } })
const amal = new OrchestrationClient({ baseUrl, credentials: { username: approver, password: approverPassword } })

const { executionId } = await dana.deployments.create({
  moduleName,
  version,
  targetEnvironment: 'Development',
  requireApproval: true,
  description: 'Fee breakdown in the answer',
})

for await (const event of dana.deployments.watch(executionId)) {
  if (event.type === 'ApprovalRequested') {
    console.log(`waits for ${event.detail.approversNeeded} until ${event.detail.expiresAt}`)
    const { approvalId, fromVersion, targetEnvironment } = await amal.approvals.get(executionId)
    console.log(`${fromVersion ?? 'nothing'} → ${version} in ${targetEnvironment}`)
    // With the id of the question that was read, an answer to another one is a conflict.
    await amal.approvals.approve(executionId, { reason: 'Looks right', approvalId }).catch((error: unknown) => {
      if (error instanceof ConflictError) console.log(`decided already: ${error.currentStatus}`)
      else throw error
    })
  }
  if (event.type === 'ApprovalDecided') console.log(`${event.detail.outcome} by ${event.detail.by}`)
  if (event.type === 'DeploymentEnded') console.log(event.detail.status)
}
