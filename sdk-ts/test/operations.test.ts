import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OPERATIONS } from '../src/generated/operations.ts'
import type { OperationId } from '../src/http/operation.ts'
import { FakeApi, json } from './fake-api.ts'

const RESOURCES = join(__dirname, '../src/resources')
const OPENAPI = JSON.parse(readFileSync(join(__dirname, '../../docs/openapi.json'), 'utf8'))

/** Operations no method stands for, because they are what the client does by itself. */
const source = readdirSync(RESOURCES)
  .map((file) => readFileSync(join(RESOURCES, file), 'utf8'))
  .join('\n')
const described = Object.entries<Record<string, { operationId: string; tags: string[] }>>(OPENAPI.paths).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
)

describe('every operation of the OpenAPI document has a method', () => {
  test.each(described.map((each) => [each.operationId, each] as const))('%s', (operationId, { method, path, tags }) => {
    if (source.includes(`#call('${operationId}'`)) return
    const file = `sdk-ts/src/resources/${tags[0]?.replaceAll('_', '-')}.ts`
    throw new Error(
      `${method.toUpperCase()} ${path} cannot be reached by name. Add a method to ${file} (or the resource it belongs ` +
        `to) that calls this.#call('${operationId}', { path, query, body }, options), and a line in sdk-ts/live/.`,
    )
  })
})

test('the generated table is the one of the document', () => {
  expect(Object.keys(OPERATIONS).sort()).toEqual(described.map(({ operationId }) => operationId).sort())
})

test('an operation can be called by its id, typed by it', async () => {
  const api = new FakeApi([json(200, { environment: 'QA', health: 'healthy' })])

  const cluster = await api.client().call('getCluster', { path: { environment: 'QA' } })

  expect(cluster.health).toBe('healthy')
})

test('every operation is sent to where the document says, its parameters encoded', async () => {
  const values = { executionId: 'e/1', environment: 'QA', name: 'm', version: '1.0.0+b 1', nodeId: 'n', keyId: 'k:1' }
  for (const { operationId, method, path } of described) {
    const api = new FakeApi(() => json(200, {}))

    await api.client().call(operationId as OperationId, { path: values } as never)

    const filled = path.replace(/{(\w+)}/g, (_, name: keyof typeof values) =>
      encodeURIComponent(values[name] ?? 'undefined'),
    )
    expect(api.paths()).toEqual([`${method.toUpperCase()} ${filled}`])
  }
})
