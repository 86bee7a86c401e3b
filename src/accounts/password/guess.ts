import { parentPort } from 'node:worker_threads'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'
import type { Guessed } from './password-rules.ts'

/** A thread that is told passwords and answers of each, in their order, whether whoever knows common passwords would soon guess it. */
const guesser = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs })

parentPort?.on('message', ({ password, about }: Guessed) => {
  const { score } = guesser.check(password, [...about])
  // Of 0 to 4: from 3 on, guesses by the ten thousand a second take months.
  parentPort?.postMessage(score < 3)
})
