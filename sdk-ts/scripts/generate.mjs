// Writes src/generated/ from what the API says of itself: docs/openapi.json and docs/contracts/events.schema.json.
// It is made anew by every build, check and test, and therefore not kept in the repository.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'

const here = new URL('..', import.meta.url)
const docs = new URL('../docs/', here)
const target = new URL('src/generated/', here)
const NOTE = '// Made by scripts/generate.mjs from the documents in docs/. Do not edit.\n'

const json = (name) => JSON.parse(readFileSync(new URL(name, docs), 'utf8'))
const write = (name, text) => writeFileSync(new URL(name, target), NOTE + text)
const types = async (document) =>
  astToString(await openapiTS(document, { defaultNonNullable: false, emptyObjectsUnknown: true }))

/** What the client needs at run time to call an operation: method, path, and which headers it knows. */
function operationTable(openapi) {
  const rows = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const has = (name) => (operation.parameters ?? []).some((each) => each.in === 'header' && each.name === name)
      const schemes = (operation.security ?? []).flatMap((each) => Object.keys(each))
      const row = {
        method: method.toUpperCase(),
        path,
        ...(schemes.length === 0 && { isPublic: true }),
        ...(has('Idempotency-Key') && { hasKey: true }),
        ...(operation.requestBody && { hasBody: true }),
      }
      return `  ${operation.operationId}: ${JSON.stringify(row)},`
    }),
  )
  return `export const OPERATIONS = {\n${rows.join('\n')}\n} as const\n`
}

/** The bus's event schema as one schema per type of event, with instants as the public API writes them. */
function eventSchemas(schema) {
  const http = (each) => ({
    ...each,
    properties: Object.fromEntries(
      Object.entries(each.properties ?? {}).map(([name, value]) => [
        name,
        INSTANTS.has(name) ? { type: 'string' } : value,
      ]),
    ),
  })
  const details = schema.allOf.map(({ if: when, then }) => [when.properties.type.const, http(then.properties.detail)])
  const told = new Set(details.map(([type]) => type))
  // An event that has no details is not spelled out in the schema.
  const bare = schema.properties.type.enum.filter((type) => !told.has(type)).map((type) => [type, { type: 'object' }])
  return {
    openapi: '3.1.0',
    info: { title: 'events', version: '0' },
    paths: {},
    components: { schemas: Object.fromEntries([...details, ...bare]) },
  }
}
const INSTANTS = new Set(['bakeUntil', 'expiresAt', 'until'])

mkdirSync(target, { recursive: true })
const openapi = json('openapi.json')
write('api.ts', await types(openapi))
write('operations.ts', operationTable(openapi))
write('events.ts', await types(eventSchemas(json('contracts/events.schema.json').$defs.deploymentEvent)))
