import { v7 as uuidv7 } from 'uuid'
import { newPerson, type OpenStoreAs, self } from '../../src/accounts/person.ts'
import { writeOrThrow } from '../../src/storage/write-or-throw.ts'

/** A Person without an account, with themselves as the author. Answers its id. */
export const createPerson = async (openStoreAs: OpenStoreAs, name: string): Promise<string> => {
  const id = uuidv7()
  await writeOrThrow(openStoreAs(self(id)), newPerson(id, name))
  return id
}
