import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { programEnvironment } from './program-environment.ts'

/** How a run of the program ended, and its output. */
type Ended = { readonly code: number | null; readonly out: string; readonly error: string }

/** Runs the program as an operator does, with nothing else in its environment, and waits for its end. */
export const runProgram = async (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Ended> => {
  const child = startProgram(args, env)
  const said = { out: '', error: '' }
  child.stdout.on('data', chunk => {
    said.out += chunk
  })
  child.stderr.on('data', chunk => {
    said.error += chunk
  })
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  return { code, ...said }
}

export const startProgram = (args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawn(process.execPath, [main, ...args], { env: { ...programEnvironment, ...env } })

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
