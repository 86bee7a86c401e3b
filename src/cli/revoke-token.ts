import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { recordingChange } from '../accounts/organization/configuration-change.ts'
import { startError } from '../start-error.ts'
import { organizationOf } from '../storage/authorization/client.ts'
import { endToken, findLastingToken } from '../storage/authorization/ended-token.ts'
import type { Database } from '../storage/database.ts'
import { withOwnDatabase } from './own-database.ts'
import { openOwnStores } from './own-store.ts'

/** For a token that somebody has who should not. It is read from standard input, as arguments are visible in the list of processes. */
export const revokeTokenCommand = (program: Command): void => {
  program
    .command('revoke-token')
    .description('end an access token before its time; it is read from standard input')
    .action(async () => {
      // In what is copied from a request, it stands behind `Authorization: Bearer`.
      const bearer = (await text(process.stdin)).trim().split(/\s+/).at(-1) ?? ''
      if (bearer === '') throw startError('Give the token on standard input')
      const { grant } = await withOwnDatabase(database => revoke(database, bearer))
      process.stderr.write(`The token is over${grant === null ? '' : ', and so is what it was granted with'}.\n`)
    })
}

const revoke = async (database: Database, bearer: string) => {
  const token = await findLastingToken(database, bearer)
  if (token === undefined) throw noToken()
  const { client, scope } = token
  const [openStoreAs, organization] = [await openOwnStores(database), await organizationOf(database, client)]
  return recordingChange({ openStoreAs, organization, operator: true }, async connection => {
    if (!(await endToken(connection, bearer, token))) throw noToken()
    const told = `An access token of the client ${client} was ended`
    return { answer: token, change: { action: 'D', id: client, told, details: { scope } } }
  })
}

const noToken = () => startError('This is no access token that is in force')
