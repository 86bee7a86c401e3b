import { parentPort, workerData } from 'node:worker_threads'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'
import type { Guessed } from './password-rules.ts'

/** A thread that is given a password and answers whether whoever knows common passwords would soon guess it. */
const { password, about } = workerData as Guessed
const { score } = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs }).check(password, [...about])
/** Of 0 to 4: from 3 on, guesses by the ten thousand a second take months. */
parentPort?.postMessage(score < 3)
