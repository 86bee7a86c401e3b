import type { Identifier, Person } from '@medplum/fhirtypes'
import { isBlank } from '../fhir/blank.ts'
import { systems } from '../fhir/canonical.ts'
import { nameText } from '../fhir/display-name.ts'
import type { Principal } from '../search/expression.ts'
import type { Store, Write } from '../storage/store.ts'
import { writeOrThrow } from '../storage/write-or-throw.ts'

/** `organizations`: the owners of those resources it creates that do not name their owner themselves; if absent, nobody owns them. */
export type OpenStoreAs = (author: {
  readonly principal: Principal
  readonly organizations?: readonly string[]
}) => Store

/** The server's own store, for what a page needs to do that its user may not read. */
export const ownStore = (openStoreAs: OpenStoreAs): Store => openStoreAs({ principal: { kind: 'client', id: 'pages' } })

/** An account as an agent of AuditEvents, which in FHIR cannot be a Person. */
export const accountOf = (person: string): { readonly identifier: Identifier } => ({
  identifier: { system: systems.account, value: person },
})

export type NameProblem = 'missing' | 'too-long'

export const nameProblem = (name: string): NameProblem | undefined => {
  if (isBlank(name)) return 'missing'
  return name.trim().length > 200 ? 'too-long' : undefined
}

/** The Person of a new account. */
export const newPerson = (id: string, name: string, more: Pick<Person, 'identifier'> = {}): Write => ({
  kind: 'create',
  id,
  resource: { resourceType: 'Person', active: true, name: [{ text: name }], ...more },
})

/** Changes the first of several names, which is the one that is shown, to a text without parts. */
export const renamePerson = (openStoreAs: OpenStoreAs, id: string, name: string): Promise<void> =>
  write(openStoreAs, id, {
    kind: 'patch',
    type: 'Person',
    id,
    change: stored => {
      const person = stored as Person
      const [{ use } = {}, ...others] = person.name ?? []
      return { ...person, name: [{ ...(use === undefined ? {} : { use }), text: name }, ...others] }
    },
  })

/** The name to show; empty if the Person has none. */
export const nameOfPerson = async (openStoreAs: OpenStoreAs, id: string): Promise<string> => {
  const { content } = await openStoreAs(self(id)).read('Person', id)
  const { name }: Person = JSON.parse(content)
  return nameText(name?.[0])
}

/** Whether the Person is a user of an EHR or an identity provider. */
export const isLinkedPerson = async (openStoreAs: OpenStoreAs, id: string): Promise<boolean> => {
  const { content } = await openStoreAs(self(id)).read('Person', id)
  return ((JSON.parse(content) as Person).identifier ?? []).length > 0
}

const write = async (openStoreAs: OpenStoreAs, id: string, one: Write): Promise<void> => {
  await writeOrThrow(openStoreAs(self(id)), one)
}

/** For what a person does themselves. */
export const self = (id: string) => ({ principal: { kind: 'person', id } }) as const
