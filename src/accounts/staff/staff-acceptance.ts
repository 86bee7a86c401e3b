import type { Person, PractitionerRole } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { type OrganizationRole, organizationRole, privacyOfficer, rankOf } from '../../access/vocabulary.ts'
import type { Registry } from '../../fhir/registry.ts'
import { parseSearch } from '../../search/parse.ts'
import { holdAccount } from '../../storage/account/hold-account.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Connection } from '../../storage/database.ts'
import { endStaffInvitation, type StaffInvitation } from '../../storage/organization/staff-invitation.ts'
import type { Store } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import type { Accounts } from '../accounts.ts'
import { recordingChange } from '../organization/configuration-change.ts'
import { nameOfPerson } from '../person.ts'
import { codeOf, roleStandingOf, roles, roleWord } from './colleagues.ts'

type Parts = { readonly accounts: Accounts; readonly registry: Registry }

/** The server itself writes the result, since the person has no rights there yet. If several accept it at once, only one is let in. */
export const acceptStaffInvitation = (
  { accounts: { openStoreAs }, registry }: Parts,
  { id, organization, role, email }: StaffInvitation,
  person: string,
): Promise<'accepted' | 'over'> =>
  recordingChange({ openStoreAs, person, organization }, async (connection, store) => {
    if (!(await endStaffInvitation(connection, id, 'used'))) throw new Over()
    // By another invitation they may be becoming a Practitioner at this moment, and nobody is two.
    await holdAccount(connection, person)
    const practitioner =
      (await practitionerOf(connection, person)) ??
      (await becomePractitioner(store, { person, email, name: await nameOfPerson(openStoreAs, person) }))
    await giveRole(store, registry, { practitioner, organization, role })
    const told = `Somebody has agreed to an invitation, and is ${roleWord(role)}`
    return { answer: 'accepted' as const, change: { action: 'U', id, told, details: { practitioner } } }
  }).catch((error: unknown) => {
    if (error instanceof Over) return 'over'
    throw error
  })

class Over extends Error {}

const practitionerOf = async (connection: Connection, person: string): Promise<string | undefined> =>
  (await callerOfPerson(connection, { person, client: 'pages', scope: '' })).practitioner

type NewStaff = { readonly person: string; readonly email: string; readonly name: string }

/** Makes the Practitioner as which others know the account; the organization owns it. Answers its id. */
const becomePractitioner = async (store: Store, { person, email, name }: NewStaff): Promise<string> => {
  const id = uuidv7()
  await writeOrThrow(store, {
    kind: 'create',
    id,
    resource: {
      resourceType: 'Practitioner',
      active: true,
      name: [{ text: name === '' ? email : name }],
      telecom: [{ system: 'email', use: 'work', value: email }],
    },
  })
  const link = { target: { reference: `Practitioner/${id}` }, assurance: 'level2' as const }
  await writeOrThrow(store, {
    kind: 'patch',
    type: 'Person',
    id: person,
    change: stored => ({ ...(stored as Person), link: [...((stored as Person).link ?? []), link] }),
  })
  return id
}

type Given = { readonly practitioner: string; readonly organization: string; readonly role: OrganizationRole }

/** Nobody loses anything by an invitation: if they have as much or more there now, they keep that. */
const giveRole = async (
  store: Store,
  registry: Registry,
  { practitioner, organization, role }: Given,
): Promise<void> => {
  const named = { practitioner: `Practitioner/${practitioner}`, organization: `Organization/${organization}` }
  const query = new URLSearchParams({ ...named, 'active:not': 'false', role: `${organizationRole}|` })
  const { entries } = await store.search(parseSearch(registry, 'PractitionerRole', query))
  if (entries.some(({ content }) => gives(JSON.parse(content), role))) return
  await writeOrThrow(store, {
    kind: 'create',
    resource: {
      resourceType: 'PractitionerRole',
      active: true,
      period: { start: new Date().toISOString() },
      practitioner: { reference: named.practitioner },
      organization: { reference: named.organization },
      code: [codeOf(role)],
    },
  })
}

/** Whether what they hold gives them the role, or a higher one, at present. A privacy officer is neither below nor above the others. */
const gives = (held: PractitionerRole, role: OrganizationRole): boolean => {
  if (roleStandingOf(held) !== 'in-force') return false
  const codes = (held.code ?? []).flatMap(({ coding = [] }) => coding).map(({ code }) => code)
  return role === privacyOfficer
    ? codes.includes(privacyOfficer)
    : roles.some(one => codes.includes(one) && rankOf[one] >= rankOf[role])
}
