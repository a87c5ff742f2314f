export { digestOf, type Sign, type Signature, type SignedFacts, signedText, signerFromPem } from './artifact.ts'
export { type Call, OrchestrationClient } from './client.ts'
export {
  ApiError,
  type ApiErrorDetails,
  AuthenticationError,
  ConflictError,
  type FieldError,
  HotSwapError,
  NetworkError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  TimeoutError,
  ValidationError,
} from './errors.ts'
export type { WatchOptions } from './follow.ts'
export type { components, operations } from './generated/api.ts'
export type { BodyOf, Input, OperationId, QueryOf, ResultOf } from './http/operation.ts'
export type { ClientOptions, Credentials, RequestOptions, RetryNotice } from './options.ts'
export { type Page, Paged } from './pages.ts'
export type * from './resources/approval-links.ts'
export type * from './resources/approvals.ts'
export type * from './resources/audit.ts'
export type * from './resources/auth.ts'
export type * from './resources/clusters.ts'
export type * from './resources/configurations.ts'
export type * from './resources/delegations.ts'
export type * from './resources/deploy-rules.ts'
export type * from './resources/deployments.ts'
export type * from './resources/hooks.ts'
export type * from './resources/issuers.ts'
export type * from './resources/line.ts'
export type * from './resources/modules.ts'
export type * from './resources/nodes.ts'
export type * from './resources/service.ts'
export type * from './resources/signing-keys.ts'
export type * from './resources/users.ts'
export type * from './resources/webhooks.ts'
export type { KeptTokens, TokenStore } from './session.ts'
export * from './types.ts'
export { verifyWebhook, type WebhookMessage, WebhookVerificationError } from './webhook-signature.ts'
