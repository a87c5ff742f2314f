import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zipSync } from '../../sdk-ts/node_modules/fflate/esm/index.mjs'
import { type OrchestrationClient, signerFromPem } from '../../sdk-ts/src/index.ts'
import { FOLDER } from './here.ts'

export const MODULE = 'card-checker'

/** A module of the tests' own: answers at once, and some versions fail a part of what they are asked. */
const PROGRAM = `
import http.server, itertools, os, socketserver

FAILS = FAILING_OF_TEN
asked = itertools.count()

class Requests(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        status = 500 if self.path != "/health" and next(asked) % 10 < FAILS else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

Server(os.environ["HOTSWAP_SOCKET"], Requests).serve_forever()
`

/** Registers a version, signed by the key the stack's nodes trust. */
export async function publish(client: OrchestrationClient, version: string, failingOfTen = 0): Promise<void> {
  const text = (words: string) => new TextEncoder().encode(words)
  const manifest = { name: MODULE, version, command: ['python3', 'main.py'], shutdownGraceMs: 500 }
  const zip = zipSync({
    'hotswap.json': text(JSON.stringify(manifest)),
    'main.py': text(PROGRAM.replace('FAILING_OF_TEN', String(failingOfTen))),
  })
  const sign = await signerFromPem(readFileSync(join(FOLDER, 'signing-key.pem'), 'utf8'))
  await client.modules.publish({ name: MODULE, version, zip, sign })
}

/** Steady requests to every node of an environment, until stopped. */
export async function traffic(client: OrchestrationClient, perSecond: number): Promise<() => void> {
  const nodes = await client.nodes.list('Development').all()
  const timers = nodes.map(({ address }) =>
    setInterval(() => {
      fetch(`${address}/${MODULE}/check`).then(
        (answer) => answer.arrayBuffer(),
        // Nothing is there yet, or the stack has ended: then nothing is measured, which the test sees.
        () => undefined,
      )
    }, 1000 / perSecond),
  )
  return () => timers.forEach(clearInterval)
}
