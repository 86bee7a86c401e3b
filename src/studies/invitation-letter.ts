import type { Organization, Patient, ResearchStudy } from '@medplum/fhirtypes'
import type { Accounts } from '../accounts/accounts.ts'
import { FhirError } from '../fhir/error.ts'
import { wordsFor } from '../messages/catalogue.ts'
import type { Mail } from '../messages/mail.ts'
import type { Database } from '../storage/database.ts'
import { type Invitation, linkToSend, setLetter, waitingInvitations } from '../storage/invitation.ts'
import type { Queue } from '../storage/queue.ts'
import { invitationUrl } from './invitations.ts'

type Parts = {
  readonly accounts: Pick<Accounts, 'openStoreAs' | 'address'>
  readonly database: Database
  readonly mail: Pick<Mail, 'deliver'>
  readonly queue: Pick<Queue, 'ask' | 'work'>
}

/** Sends what waits, also from before this process began; what cannot be sent is tried again, and then called failed. */
export const sendInvitations = async (parts: Parts): Promise<void> => {
  await parts.queue.work(async (id, { isLast }) => {
    try {
      await sendOne(parts, id)
    } catch (error) {
      if (isLast) await setLetter(parts.database, id, 'failed')
      throw error
    }
  })
  for (const id of await waitingInvitations(parts.database)) await parts.queue.ask(id)
}

/** Each try makes a new link: the one before may have arrived nowhere. */
const sendOne = async (parts: Parts, id: string): Promise<void> => {
  const { accounts, database, mail } = parts
  const made = await linkToSend(database, id)
  if (made === undefined) return
  const { invitation, secret } = made
  const { say, moment } = wordsFor(await languageOf(parts, invitation))
  const until = moment(invitation.expiresAt)
  await mail.deliver({
    to: invitation.email,
    subject: say('letter.subject'),
    text: say('letter.text', {
      organization: await inviterOf(parts, invitation),
      link: invitationUrl(accounts, secret),
      until,
    }),
  })
  await setLetter(database, id, 'sent')
}

const languageOf = async (parts: Parts, { patient }: Invitation): Promise<string | undefined> => {
  const { communication = [] } = await read<Patient>(parts, 'Patient', patient)
  const { language } = communication.find(({ preferred }) => preferred) ?? communication[0] ?? {}
  return language?.coding?.[0]?.code
}

const inviterOf = async (parts: Parts, { study }: Invitation): Promise<string> => {
  const { sponsor } = await read<ResearchStudy>(parts, 'ResearchStudy', study)
  const id = /^Organization\/(.+)$/.exec(sponsor?.reference ?? '')?.[1]
  return (id === undefined ? undefined : (await read<Organization>(parts, 'Organization', id)).name) ?? 'Sharewell'
}

const read = async <R extends Patient | ResearchStudy | Organization>(
  { accounts }: Parts,
  type: R['resourceType'],
  id: string,
): Promise<Partial<R>> => {
  try {
    const store = accounts.openStoreAs({ principal: { kind: 'client', id: 'pages' } })
    return JSON.parse((await store.read(type, id)).content)
  } catch (error) {
    if (error instanceof FhirError) return {}
    throw error
  }
}
