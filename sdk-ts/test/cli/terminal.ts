import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from '../../src/cli/program.ts'
import type { World } from '../../src/cli/world.ts'
import { type Answers, FakeApi } from '../fake-api.ts'

;(globalThis as { __VERSION__?: string }).__VERSION__ = '0.0.0-test'

/** A terminal, a home of its own and an API: what a command prints, and what it ends with. */
export class Terminal {
  readonly api: FakeApi
  readonly home = mkdtempSync(join(tmpdir(), 'hotswap-cli-'))
  env: Record<string, string | undefined>
  out = ''
  err = ''
  answers: string[] = []
  stdin = ''
  isTTY = false
  rows = 40
  readonly #controller = new AbortController()

  constructor(answers: Answers | readonly (Response | Error)[] = []) {
    this.api = new FakeApi(answers)
    this.env = { HOME: this.home, HOTSWAP_URL: 'https://api.test', HOTSWAP_TOKEN: 'given' }
  }

  async run(...words: string[]): Promise<number> {
    this.out = ''
    this.err = ''
    return program(words, this.#world())
  }

  interrupt(): void {
    this.#controller.abort(new DOMException('Interrupted', 'AbortError'))
  }

  json<T = unknown>(): T {
    return JSON.parse(this.out) as T
  }

  #world(): World {
    return {
      env: this.env,
      stdout: {
        write: (text) => {
          this.out += text
        },
        isTTY: this.isTTY,
        columns: 100,
        rows: this.rows,
      },
      stderr: {
        write: (text) => {
          this.err += text
        },
      },
      fetch: this.api.fetch,
      ask: this.answers.length === 0 ? undefined : async () => this.answers.shift() ?? '',
      readStdin: async () => this.stdin,
      signal: this.#controller.signal,
    }
  }
}
