import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { changesStudy, makesStudies, namesStaff } from '../../access/questions.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import {
  byItsName,
  type NamedOrganization,
  namedOrganization,
} from '../../accounts/organization/administered-organizations.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { requireValidChange } from '../../fhir/validate/valid-change.ts'
import { requireValid } from '../../fhir/validate/validate.ts'
import { escaped } from '../../search/escape.ts'
import { and, type Expression } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { createOnce } from '../../storage/create-once.ts'
import type { Store } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import type { StudyParts } from '../people/enrolled-people.ts'

export type StudyChangeParts = StudyParts & { readonly accounts: Pick<Accounts, 'database'> }

/** A study that somebody may change, as they see it. What they write is subject to the same rules as a write of theirs over FHIR. */
export type ChangeableStudy = {
  readonly id: string
  readonly study: ResearchStudy
  /** Of the ResearchStudy. */
  readonly version: string
  readonly caller: Caller
  readonly store: Store
  /** Whether they may change all but the staff. */
  readonly mayChange: boolean
  /** Whether they may name and remove staff, other than themselves. */
  readonly mayNameStaff: boolean
}

/** Throws `not-found` for somebody who may change nothing of it, as if there were no such study. */
export const findChangeableStudy = async (
  parts: StudyChangeParts,
  person: string,
  id: string,
): Promise<ChangeableStudy> => {
  const { caller, store } = await openStoreOf(parts, person)
  const may = async (rule: Expression) => (await matching(parts, store, 'study', rule, id))[0]
  const [changeable, staffable] = [await may(changesStudy(caller)), await may(namesStaff(caller))]
  const found = changeable ?? staffable
  if (found === undefined) throw new FhirError('not-found', 'There is no such study')
  return {
    id,
    study: parseJson(found.content) as ResearchStudy,
    version: found.versionId,
    caller,
    store,
    mayChange: changeable !== undefined,
    mayNameStaff: staffable !== undefined,
  }
}

/** The organizations, other than closed ones, in which the person may make studies, by name; only those with the ids, if any are given. */
export const organizationsForStudies = async (
  parts: StudyChangeParts,
  person: string,
  ...ids: readonly string[]
): Promise<readonly NamedOrganization[]> => {
  const { caller, store } = await openStoreOf(parts, person)
  const found = await matching(parts, store, 'open', makesStudies(caller), ...ids)
  return found.map(({ content }) => namedOrganization(JSON.parse(content))).toSorted(byItsName)
}

/** The organization if it is closed, and the person could make studies in it otherwise. */
export const findClosedForStudies = async (
  parts: StudyChangeParts,
  person: string,
  id: string,
): Promise<NamedOrganization | undefined> => {
  const { caller, store } = await openStoreOf(parts, person)
  const [found] = await matching(parts, store, 'closed', makesStudies(caller), id)
  return found && namedOrganization(JSON.parse(found.content))
}

type New = { readonly id: string; readonly study: ResearchStudy }

/** Makes the ResearchStudy once with that id, and its Group with it. Answers the id. Throws FhirError if the rules do not let the person. */
export const createStudy = async (parts: StudyChangeParts, person: string, { id, study }: New): Promise<string> => {
  const { store } = await openStoreOf(parts, person)
  requireValid(parts.registry, study)
  return (await writeOrThrow(store, createOnce(parts.registry, study, id))).id
}

/** Those of the organization with exactly this title, as far as the person sees them. */
export const findStudiesTitled = async (
  parts: StudyChangeParts,
  person: string,
  { organization, title }: { readonly organization: string; readonly title: string },
): Promise<readonly string[]> => {
  const { store } = await openStoreOf(parts, person)
  const query = { 'title:exact': escaped(title), sponsor: `Organization/${organization}`, _count: '100' }
  const { entries } = await store.search(parseSearch(parts.registry, 'ResearchStudy', new URLSearchParams(query)))
  return entries.map(({ id }) => id)
}

/** Writes the next version after `version`; if there is another one by now, nothing: `conflict`. Throws FhirError if the rules do not let the person. */
export const changeStudy = async (
  parts: StudyChangeParts,
  { id, store, study }: ChangeableStudy,
  version: string,
  resource: ResearchStudy,
): Promise<'changed' | 'conflict'> => {
  requireValidChange(parts.registry, study, resource)
  try {
    await writeOrThrow(store, { kind: 'update', id, resource, ifMatch: version })
    return 'changed'
  } catch (error) {
    if (error instanceof FhirError && error.status === 412) return 'conflict'
    throw error
  }
}

const openStoreOf = async (
  { accounts, openStoreFor }: StudyChangeParts,
  person: string,
): Promise<{ readonly caller: Caller; readonly store: Store }> => {
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  return { caller, store: openStoreFor(caller) }
}

const scope = [
  'user/ResearchStudy.crus',
  'user/Group.crus',
  ...['Device', 'Organization', 'Practitioner', 'PractitionerRole'].map(type => `user/${type}.rs`),
].join(' ')

const matching = async (
  { registry }: StudyChangeParts,
  store: Store,
  what: keyof typeof queries,
  rule: Expression,
  ...ids: readonly string[]
) => {
  const { type, query } = queries[what]
  const asked = parseSearch(registry, type, new URLSearchParams({ _count: '100', ...query }))
  const which: Expression[] = ids.length === 0 ? [] : [{ kind: 'identified', ids }]
  const { entries } = await store.search({ ...asked, where: and(asked.where, rule, ...which) })
  return entries
}

const queries = {
  open: { type: 'Organization', query: { 'active:not': 'false', _sort: 'name' } },
  closed: { type: 'Organization', query: { active: 'false' } },
  study: { type: 'ResearchStudy', query: { _sort: 'title' } },
} as const
