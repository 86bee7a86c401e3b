import { randomInt } from 'node:crypto'
import type { Letter, Mail } from '../messages/mail.ts'
import type { Connection, Database } from '../storage/database.ts'
import { seal, unseal } from '../storage/secret/sealed.ts'
import { findWaitingLetter, keepLetter, removeLetter, setLetterFailed, waitingLetters } from '../storage/work/letter.ts'
import type { Attempt, Queue } from '../storage/work/queue.ts'

/**
 * Letters about accounts. A letter that somebody was told is on its way is still sent if this process ends, or if the mail server is down for a
 * while.
 */
export type Letters = {
  /** Returns once the letter is stored. `minutes`: for how long what it says is true, a week by default. */
  readonly send: (letter: Letter, minutes?: number) => Promise<void>
  /** The same for letters that are stored in a transaction, with what they are about: what is answered is to be called once that is committed. */
  readonly keep: (connection: Connection, letters: readonly Letter[], minutes?: number) => Promise<() => Promise<void>>
  /**
   * The same if nobody may find out whether there is a letter at all: without one, just as much is stored. It is sent at a moment that cannot be
   * foreseen, since other requests become slower meanwhile.
   */
  readonly sendUnnoticed: (letter: Letter | undefined, minutes: number) => Promise<void>
  /** Queues again what could not be sent. */
  readonly retryFailed: () => Promise<void>
}

type Parts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  readonly mail: Mail
  readonly queue: Pick<Queue, 'ask' | 'work'>
}

export const openLetters = async (parts: Parts): Promise<Letters> => {
  const { database, secretKey, queue } = parts
  const keep = async (letter: Letter | undefined, minutes: number, connection: Connection = database) => {
    const text = JSON.stringify(letter ?? nothing)
    return keepLetter(connection, await seal(secretKey, 'letters', text), minutes)
  }
  const sendOrFail = async (id: string, { isLast }: Attempt): Promise<void> => {
    try {
      await sendOne(parts, id)
    } catch (error) {
      if (isLast(error)) await setLetterFailed(database, id)
      throw error
    }
  }
  await queue.work(sendOrFail, () => waitingLetters(database))
  return {
    send: async (letter, minutes = weekMinutes) => {
      await queue.ask(await keep(letter, minutes))
    },
    keep: async (connection, letters, minutes = weekMinutes) => {
      const ids: string[] = []
      for (const letter of letters) ids.push(await keep(letter, minutes, connection))
      return async () => {
        for (const id of ids) await queue.ask(id)
      }
    },
    sendUnnoticed: async (letter, minutes) => {
      await queue.ask(await keep(letter, minutes), { afterSeconds: randomInt(1, 1000) / 1000 })
    },
    retryFailed: async () => {
      for (const id of await waitingLetters(database, { alsoFailed: true })) await queue.ask(id)
    },
  }
}

/** For a command: what it stores is found and sent by the server beside it, or by the next one. */
export const lettersLeft = (secretKey: Uint8Array): Pick<Letters, 'keep'> => ({
  keep: async (connection, letters, minutes = weekMinutes) => {
    for (const letter of letters)
      await keepLetter(connection, await seal(secretKey, 'letters', JSON.stringify(letter)), minutes)
    return async () => {}
  },
})

/** For a process that does no background work, and stores nothing. */
export const lettersAtOnce = ({ send }: Pick<Mail, 'send'>): Letters => ({
  send: async letter => send(letter),
  keep: async (_, letters) => async () => {
    for (const letter of letters) await send(letter)
  },
  sendUnnoticed: async letter => letter && send(letter),
  retryFailed: async () => {},
})

/** A letter that is sent twice, because this process ended in between, is better than none. */
const sendOne = async ({ database, secretKey, mail }: Parts, id: string): Promise<void> => {
  const sealed = await findWaitingLetter(database, id)
  if (sealed === undefined) return
  const letter: Letter = JSON.parse(await unseal(secretKey, 'letters', sealed))
  if (letter.to !== nothing.to) await mail.deliver(letter)
  await removeLetter(database, id)
}

/** About as long as a letter. */
const nothing: Letter = { to: '', subject: '', text: ' '.repeat(500) }

const weekMinutes = 7 * 24 * 60
