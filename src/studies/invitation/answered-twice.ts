import type { ResearchStudy } from '@medplum/fhirtypes'
import type { ConsentGrantee } from '../../access/consent.ts'
import type { Wording } from '../../fhir/translation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { compartmentsOf, patientsOf } from '../../storage/authorization/token.ts'
import { findAnsweredTwice } from '../../storage/model/consent/two-consents.ts'
import { numbersOf } from '../../storage/model/reference.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import { nameOf, type OwnParts, type OwnRecord, openOwnRecord } from '../consent/own-record.ts'
import { titleIn } from '../definition/study-words.ts'

/** Somebody to whom both the patients of an account and the patient of an invitation have given an answer, as far as the account's holder may know. */
export type AnsweredTwice = {
  /** Id of the ResearchStudy; undefined if it is no study. */
  readonly study: string | undefined
  readonly name: Wording | string
}

export const answeredTwice = async (
  parts: OwnParts,
  { patient }: Pick<Invitation, 'patient'>,
  person: string,
  words: Words,
): Promise<readonly AnsweredTwice[]> => {
  const { database } = parts.accounts
  const patients = [...(await patientsOf(database, person)), patient]
  const grantees = await findAnsweredTwice(database, await numbersOf(database, patients))
  const found: AnsweredTwice[] = []
  for (const own of await compartmentsOf(database, person)) {
    const record = await openOwnRecord(parts, person, own)
    if (record === undefined) continue
    for (const grantee of grantees) found.push(...(await knownBy(record, grantee, words)))
  }
  return found
}

const knownBy = async (
  record: OwnRecord,
  { kind, id }: ConsentGrantee,
  words: Words,
): Promise<readonly AnsweredTwice[]> => {
  const study = kind === 'study' ? await record.read<ResearchStudy>('ResearchStudy', id) : undefined
  if (study !== undefined) return [{ study: id, name: titleIn(study, words) }]
  const name = await nameOf(record, `${types[kind]}/${id}`)
  return name === undefined ? [] : [{ study: undefined, name }]
}

const types = { study: 'ResearchStudy', organization: 'Organization', practitioner: 'Practitioner' } as const
