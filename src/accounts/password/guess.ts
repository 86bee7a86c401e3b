import { parentPort } from 'node:worker_threads'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'
import type { Guessed } from './password-rules.ts'

/** A thread that gets passwords, and answers for each, in order, whether somebody who knows common passwords would soon guess it. */
const guesser = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs })

parentPort?.on('message', ({ password, about }: Guessed) => {
  const { score } = guesser.check(password, [...about])
  // The score is from 0 to 4; from 3 on, it takes months with ten thousand guesses a second.
  parentPort?.postMessage(score < 3)
})
