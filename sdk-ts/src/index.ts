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
export type { AuditQuery } from './resources/audit.ts'
export type { EventPage } from './resources/deployments.ts'
export type { Publication } from './resources/modules.ts'
export type { KeptTokens, TokenStore } from './session.ts'
export * from './types.ts'
export { verifyWebhook, type WebhookMessage, WebhookVerificationError } from './webhook-signature.ts'
