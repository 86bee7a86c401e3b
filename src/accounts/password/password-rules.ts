import { Worker } from 'node:worker_threads'

export type PasswordProblem = 'too-short' | 'too-long' | 'easy-to-guess'

const shortestPassword = 12
const longestPassword = 200

/** Why it cannot be the person's password; undefined if it can. `about` says something about the person: an address, a name. */
export const passwordProblem = async (
  password: string,
  about: readonly string[],
): Promise<PasswordProblem | undefined> => {
  const length = [...password].length
  if (length < shortestPassword) return 'too-short'
  if (length > longestPassword) return 'too-long'
  return (await isEasyToGuess({ password, about: about.flatMap(wordsOf) })) ? 'easy-to-guess' : undefined
}

/**
 * `ana.castillo@example.org` gives `ana`, `castillo`, `example` and `org`, and is a word itself. A form could have thousands of words, and long
 * ones, which would take seconds, during which nobody else could choose a password.
 */
const wordsOf = (text: string): readonly string[] => {
  const known = text.slice(0, longestKnown)
  return [known, ...known.split(/[^\p{L}\p{N}]+/u)].filter(one => one !== '' && one.length <= longestWord)
}

/** No name or address that is accepted is longer. */
const longestKnown = 254
const longestWord = 64

export type Guessed = { readonly password: string; readonly about: readonly string[] }

/**
 * The lists of common passwords take 40 MB and some time to be read, and are rarely needed. So a single thread has them, and it ends when nobody
 * has asked it for some time.
 */
const isEasyToGuess = (guessed: Guessed): Promise<boolean> => {
  thread ??= openThread()
  return thread.ask(guessed)
}

type Thread = { readonly ask: (guessed: Guessed) => Promise<boolean> }
let thread: Thread | undefined

/** The thread answers in the order in which it is asked. */
const openThread = (): Thread => {
  const worker = new Worker(new URL('./guess.ts', import.meta.url))
  const waiting: PromiseWithResolvers<boolean>[] = []
  let leaving: NodeJS.Timeout | undefined
  const forget = () => {
    if (thread === own) thread = undefined
  }
  const leave = () => {
    forget()
    void worker.terminate()
  }
  const fail = (error: unknown) => {
    forget()
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  worker.on('message', (isEasy: boolean) => {
    waiting.shift()?.resolve(isEasy)
    if (waiting.length > 0) return
    worker.unref()
    leaving = setTimeout(leave, idleMs).unref()
  })
  worker.once('error', fail)
  worker.once('exit', () => fail(new Error('the thread ended without an answer')))
  const own: Thread = {
    ask: guessed => {
      clearTimeout(leaving)
      worker.ref()
      const answer = Promise.withResolvers<boolean>()
      waiting.push(answer)
      worker.postMessage(guessed)
      return answer.promise
    },
  }
  return own
}

const idleMs = 10_000
