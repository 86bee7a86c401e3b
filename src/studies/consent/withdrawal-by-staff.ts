import type { Consent, ResearchSubject } from '@medplum/fhirtypes'
import { asksForConsent } from '../../access/questions.ts'
import { inactivationReason } from '../../access/vocabulary.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { namedId } from '../../fhir/reference.ts'
import { and, type Expression, none } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { placeStandingOf } from '../people/place-standing.ts'
import type { OwnParts } from './own-record.ts'

export type WithdrawalParts = Pick<OwnParts, 'accounts' | 'registry' | 'openStoreFor'>

/** Whose place in which study it is about, by the id of their ResearchSubject, and who acts for them. */
export type ForSubject = { readonly person: string; readonly study: string; readonly subject: string }

export type Given = {
  readonly consent: Consent
  /** Which version of which Consent it is. */
  readonly version: string
  /** Whether that place in the study has ended, by its status or its period. */
  readonly hasEnded: boolean
}

/** What somebody in a study gives to it, as its staff see it. Throws `not-found` if there is nothing, or nothing that they may see. */
export const findGivenOf = async (parts: WithdrawalParts, of: ForSubject): Promise<Given> => {
  const { consent, hasEnded } = await openGiven(parts, of)
  return { consent, version: versionOf(consent), hasEnded }
}

/**
 * Ends all that the patient gives the study, because they asked for it by other ways than our pages. If they give something else than in the
 * version that was shown, perhaps because they agreed anew after that, nothing is ended (`changed`). The gate decides what staff may end, and
 * requires that they say why.
 */
export const withdrawFor = async (
  parts: WithdrawalParts,
  of: ForSubject,
  { reason, version }: { readonly reason: string; readonly version: string },
): Promise<'withdrawn' | 'changed'> => {
  const { store, consent } = await openGiven(parts, of)
  if (versionOf(consent) !== version) return 'changed'
  const { id = '', meta, extension = [] } = consent
  const why = { url: inactivationReason, valueCodeableConcept: { text: reason } }
  const others = extension.filter(({ url }) => url !== inactivationReason)
  await writeOrThrow(store, {
    kind: 'update',
    id,
    resource: { ...consent, status: 'inactive', extension: [...others, why] },
    ...(meta?.versionId === undefined ? {} : { ifMatch: meta.versionId }),
  })
  return 'withdrawn'
}

const versionOf = ({ id, meta }: Consent): string => `${id}/${meta?.versionId}`

/** Whether the person may end what people give the study: those of its staff who ask people for their consent may. */
export const mayWithdrawIn = async (parts: WithdrawalParts, person: string, study: string): Promise<boolean> => {
  const { store, asks } = await openFor(parts, person)
  const search = parseSearch(parts.registry, 'ResearchStudy', new URLSearchParams({ _id: study }))
  return (await store.search({ ...search, where: and(search.where, asks) })).entries.length > 0
}

const openGiven = async (parts: WithdrawalParts, { person, study, subject }: ForSubject) => {
  const { store, asks } = await openFor(parts, person)
  const enrolment: ResearchSubject = JSON.parse((await store.read('ResearchSubject', subject)).content)
  const of = { study: `ResearchStudy/${study}`, status: 'active', _count: '1' }
  const patient = namedId(enrolment.individual, 'Patient')
  // They may have given it by any of their records.
  const human: Expression = patient === undefined ? none : { kind: 'compartment', of: 'Patient', id: patient }
  const search = parseSearch(parts.registry, 'Consent', new URLSearchParams(of))
  const { entries } = await store.search({ ...search, where: and(search.where, asks, human) })
  const [given] = enrolment.study.reference === of.study ? entries : []
  if (given === undefined) throw new FhirError('not-found', 'There is nothing that they give')
  return { store, consent: parseJson(given.content) as Consent, hasEnded: placeStandingOf(enrolment) === 'over' }
}

const openFor = async ({ accounts, openStoreFor }: WithdrawalParts, person: string) => {
  const scope = 'user/ResearchStudy.rs user/ResearchSubject.rs user/Consent.rus'
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  return { store: openStoreFor(caller), asks: asksForConsent(caller) }
}
