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

/**
 * `ana.castillo@example.org` is made of `ana`, `castillo`, `example` and `org`, and is a word itself. A form has room for thousands, and for
 * long ones: they would take seconds, in which nobody else can choose a password.
 */
const wordsOf = (text: string): readonly string[] => {
  const known = text.slice(0, longestKnown)
  return [known, ...known.split(/[^\p{L}\p{N}]+/u)].filter(one => one !== '' && one.length <= longestWord)
}

/** No name and no address that is taken is longer. */
const longestKnown = 254
const longestWord = 64

export type Guessed = { readonly password: string; readonly about: readonly string[] }

/**
 * The lists of common passwords take 40 MB and a while to be read, and are needed seldom: they come with a thread of their own, of which
 * there is one, and go when nobody has asked it for some time.
 */
const isEasyToGuess = (guessed: Guessed): Promise<boolean> => {
  thread ??= openThread()
  return thread.ask(guessed)
}

type Thread = { readonly ask: (guessed: Guessed) => Promise<boolean> }
let thread: Thread | undefined

/** It answers in the order in which it is asked. */
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
