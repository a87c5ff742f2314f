import { spawn } from 'node:child_process'
import { startStack } from './stack.ts'

/** Runs commands one after the other against one stack, until one fails: `node live/with-stack.ts [--traffic] COMMAND …`. */
async function main(words: readonly string[]): Promise<number> {
  const commands = words.filter((word) => word !== '--traffic')
  const stack = await startStack({ traffic: commands.length < words.length })
  try {
    for (const command of commands) {
      const code = await ended(command, { ...process.env, HOTSWAP_LIVE_STACK: `${stack.url} ${stack.folder}` })
      if (code !== 0) return code
    }
    return 0
  } finally {
    await stack.stop()
  }
}

function ended(command: string, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: 'inherit', env })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

process.exitCode = await main(process.argv.slice(2))
