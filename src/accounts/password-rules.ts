import { Worker } from 'node:worker_threads'

export type PasswordProblem = 'too-short' | 'too-long' | 'easy-to-guess'

const shortestPassword = 12
const longestPassword = 200

/** What keeps it from being a password of the person of whom `about` says something: an address, a name. */
export const passwordProblem = async (
  password: string,
  about: readonly string[],
): Promise<PasswordProblem | undefined> => {
  const length = [...password].length
  if (length < shortestPassword) return 'too-short'
  if (length > longestPassword) return 'too-long'
  return (await isEasyToGuess({ password, about: about.flatMap(wordsOf) })) ? 'easy-to-guess' : undefined
}

/** `ana.castillo@example.org` is made of `ana`, `castillo`, `example` and `org`, and is a word itself. */
const wordsOf = (text: string): readonly string[] => [text, ...text.split(/[^\p{L}\p{N}]+/u)].filter(one => one !== '')

export type Guessed = { readonly password: string; readonly about: readonly string[] }

/** The lists of common passwords take 40 MB, and are needed seldom: they come and go with a thread of their own. */
const isEasyToGuess = (guessed: Guessed): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./guess.ts', import.meta.url), { workerData: guessed })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the thread ended without an answer')))
  })
