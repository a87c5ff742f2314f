import type { operations } from '../generated/api.ts'
import { OPERATIONS } from '../generated/operations.ts'

/** The id of an operation of the OpenAPI document. */
export type OperationId = keyof operations & keyof typeof OPERATIONS

/** What an operation is called by. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly isPublic?: true
  readonly hasKey?: true
  readonly hasBody?: true
}

type Content<T> = T extends { content: infer C } ? C[keyof C] : undefined
type Part<O extends OperationId, P extends 'path' | 'query'> = operations[O]['parameters'] extends {
  [K in P]?: infer V
}
  ? NonNullable<V>
  : never
type Optional<K extends string, V> = [V] extends [never] ? { [P in K]?: never } : { [P in K]?: V }
type Required_<K extends string, V> = [V] extends [never] ? { [P in K]?: never } : { [P in K]: V }

/** The body an operation takes. */
export type BodyOf<O extends OperationId> = operations[O] extends { requestBody?: infer B }
  ? Content<NonNullable<B>>
  : never

/** What may be left out may also be undefined. */
type Loose<T> = { [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K] }

/** The query an operation takes. */
export type QueryOf<O extends OperationId> = [Part<O, 'query'>] extends [never] ? never : Loose<Part<O, 'query'>>

/** What an operation is called with. */
export type Input<O extends OperationId> = Required_<'path', Part<O, 'path'>> &
  Optional<'query', QueryOf<O>> &
  Optional<'body', BodyOf<O>>

type Answers<O extends OperationId> = operations[O]['responses']
type Good = 200 | 201 | 202 | 204
/** What an operation answers when it succeeds. */
export type ResultOf<O extends OperationId> = Content<Answers<O>[keyof Answers<O> & Good]>

/** Where an operation is. */
export function routeOf(operation: OperationId): Route {
  return OPERATIONS[operation]
}

/** The path with its parameters and the query; what is undefined is left out. */
export function urlOf(
  baseUrl: string,
  path: string,
  parameters: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const filled = path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(String(parameters[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.append(name, String(value))
  }
  const suffix = search.size > 0 ? `?${search}` : ''
  return `${baseUrl}${filled}${suffix}`
}
