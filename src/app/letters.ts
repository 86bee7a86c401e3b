import { type Letters, lettersAtOnce, openLetters } from '../jobs/letters.ts'
import type { Mail } from '../messages/mail.ts'
import { isAway } from '../messages/undelivered.ts'
import type { Database } from '../storage/database.ts'
import type { Jobs } from './work.ts'

type Parts = { readonly database: Database; readonly secretKey: Uint8Array; readonly mail: Mail | undefined }

/** Letters about accounts, by a queue of their own in a process that does background work; undefined where nothing can be sent. */
export const openLettering = async (
  { mail, ...parts }: Parts,
  jobs: Jobs | undefined,
): Promise<{ readonly letters: Letters | undefined; readonly close: () => Promise<void> }> => {
  const queue = mail && (await jobs?.queues.open('letter', isAway))
  if (mail === undefined || queue === undefined) return { letters: mail && lettersAtOnce(mail), close: async () => {} }
  return { letters: await openLetters({ ...parts, mail, queue }), close: queue.close }
}
