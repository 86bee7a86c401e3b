import { FhirError } from '../../fhir/error.ts'
import { holdSession } from '../../storage/account/session.ts'
import { createGrant } from '../../storage/authorization/authorization-grant.ts'
import { issueToken } from '../../storage/authorization/token.ts'
import { type GrantEventParts, recordingGrant } from './grant-event.ts'

/** Tokens that people use in a notebook: with their own rights, for one study, and for a limited time only. */
export type NotebookTokens = {
  /** Answers the token, which is not shown again. Throws FhirError if the session has ended. The person can see and revoke it among the grants to apps. */
  readonly issue: (asked: NotebookAsked) => Promise<string>
}

type NotebookAsked = {
  /** Id of the Person. */
  readonly person: string
  /** Id of the session in which they ask. */
  readonly session: string
  /** Id of the ResearchStudy to which it is narrowed. */
  readonly study: string
  readonly scopes: readonly string[]
  readonly minutes: number
}

/** The client of such tokens, which every database has. */
export const notebookClient = 'notebook'

export const mostNotebookMinutes = 60

export const openNotebookTokens = (parts: GrantEventParts): NotebookTokens => ({
  issue: async ({ person, session, study, scopes, minutes }) => {
    const ttlSeconds = Math.min(minutes, mostNotebookMinutes) * 60
    const scope = scopes.join(' ')
    const event = {
      what: 'given',
      by: { kind: 'person', id: person },
      told: 'was given a token for a study',
      person,
      client: notebookClient,
      granted: scopes,
    } as const
    const token = await recordingGrant(parts, event, async connection => {
      if (!(await holdSession(connection, session)))
        throw new FhirError('forbidden', 'You were signed out meanwhile: sign in again')
      const grant = { person, client: notebookClient, scope, context: { study }, ttlSeconds }
      const grantId = await createGrant(connection, grant)
      if (grantId === undefined) return undefined
      const subject = { kind: 'user', person } as const
      return issueToken(connection, { subject, client: notebookClient, scope, study, ttlSeconds, grantId })
    })
    if (token === undefined) throw new Error('a grant without a launch was refused')
    return token
  },
})
