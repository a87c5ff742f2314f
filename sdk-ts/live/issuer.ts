import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An issuer of identity tokens on this machine, as a CI system is one on the internet. */
export class Issuer {
  readonly #pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #server: Server
  url = ''

  constructor() {
    this.#server = createServer((request, response) => {
      const key = { ...this.#pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }
      const about = { issuer: this.url, jwks_uri: `${this.url}/keys` }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(request.url === '/keys' ? { keys: [key] } : about))
    })
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  token(claims: Record<string, unknown>): string {
    const now = Math.floor(Date.now() / 1000)
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ alg: 'ES256', typ: 'JWT', kid: 'k1' })}.${part({ iss: this.url, iat: now, nbf: now, exp: now + 300, ...claims })}`
    const signature = sign('sha256', Buffer.from(text), { key: this.#pair.privateKey, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
}
