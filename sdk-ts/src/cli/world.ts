import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** Where the program's text goes and comes from. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: {
    write(text: string): unknown
    readonly isTTY?: boolean | undefined
    readonly columns?: number
    readonly rows?: number
  }
  readonly stderr: { write(text: string): unknown }
  readonly fetch: typeof fetch
  /** Reads a line; what is typed is not shown when it is secret. Undefined where nobody can be asked. */
  readonly ask: ((question: string, isSecret?: boolean) => Promise<string>) | undefined
  /** Everything that is piped in. */
  readStdin(): Promise<string>
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

/** The world of this process. */
export function processWorld(): World {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort(new DOMException('Interrupted', 'AbortError')))
  return {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    fetch: globalThis.fetch,
    ask: process.stdin.isTTY && process.stderr.isTTY ? askTerminal : undefined,
    readStdin,
    signal: controller.signal,
  }
}

async function askTerminal(question: string, isSecret = false): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  // First nothing is echoed any more, then it is asked: who types fast shows nothing either.
  const lines = createInterface({ input: process.stdin, output: isSecret ? silent : process.stderr, terminal: true })
  if (isSecret) process.stderr.write(question)
  try {
    return await lines.question(isSecret ? '' : question)
  } finally {
    lines.close()
    if (isSecret) process.stderr.write('\n')
  }
}

async function readStdin(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text
}
