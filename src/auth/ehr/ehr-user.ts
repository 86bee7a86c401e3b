import type { Person } from '@medplum/fhirtypes'
import type { OpenStoreAs } from '../../accounts/person.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Database } from '../../storage/database.ts'
import type { Store } from '../../storage/store.ts'
import { findAccountOf } from '../../storage/user-account.ts'
import { tokenText } from './token-text.ts'

type Parts = { readonly database: Database; readonly registry: Registry; readonly openStoreAs: OpenStoreAs }

type EhrUser = { readonly issuer: string; readonly subject: string }

/** By the issuer and what it calls its user, letter by letter: names and addresses decide nothing. It must be one Person, with an account. */
export const findPersonOf = async (parts: Parts, issuer: string, subject: string): Promise<string | undefined> => {
  const store = parts.openStoreAs({ principal: { kind: 'client', id: 'pages' } })
  const [person, ...others] = await personsOf(parts, store, { issuer, subject })
  if (person?.id === undefined || others.length > 0 || person.active === false) return undefined
  return (await findAccountOf(parts.database, person.id)) === undefined ? undefined : person.id
}

/** Of two that link the same EHR user at once, one is refused with `duplicate`. */
export const linkPerson = (parts: Parts, id: string, { issuer, subject }: EhrUser): Promise<void> =>
  parts.openStoreAs({ principal: { kind: 'person', id } }).atomic(async store => {
    await store.takeTurns([search(parts, { issuer, subject })])
    if ((await personsOf(parts, store, { issuer, subject })).length > 0)
      throw new FhirError('duplicate', 'This user of the EHR is linked to an account already')
    const [written] = await store.write([
      {
        kind: 'patch',
        type: 'Person',
        id,
        change: stored => withIdentifier(stored as Person, { issuer, subject }),
      },
    ])
    if (written?.outcome === 'refused') throw written.error
  })

const withIdentifier = (person: Person, { issuer, subject }: EhrUser): Person => ({
  ...person,
  identifier: [...(person.identifier ?? []), { system: issuer, value: subject }],
})

const personsOf = async (parts: Parts, store: Store, { issuer, subject }: EhrUser): Promise<readonly Person[]> => {
  const { entries } = await store.search(search(parts, { issuer, subject }))
  const persons = entries.map(({ content }): Person => JSON.parse(content))
  return persons.filter(({ identifier = [] }) =>
    identifier.some(({ system, value }) => system === issuer && value === subject),
  )
}

const search = ({ registry }: Parts, { issuer, subject }: EhrUser) =>
  parseSearch(registry, 'Person', new URLSearchParams({ identifier: tokenText({ system: issuer, value: subject }) }))
