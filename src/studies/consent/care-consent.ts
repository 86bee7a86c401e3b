import type { Consent } from '@medplum/fhirtypes'
import type { Write } from '../../storage/store.ts'
import { type CareAsked, careAnswers } from './care-asked.ts'
import { careDraft, referenceTo } from './care-draft.ts'
import { readGrantee } from './care-grantee.ts'
import { type Choice, isStanding, permitTo, replacing, write } from './own-consent.ts'
import { type Signed, signAnswer } from './sign-answer.ts'

/** Signs what was chosen, under the text that was shown. */
export const signCare = async (asked: CareAsked, choices: readonly Choice[], name: string): Promise<Signed> => {
  const { record, consent, grantee } = asked
  return signAnswer(record, {
    write: careSigning(asked, choices, name),
    before: consent,
    answersOf: within => careAnswers(within, grantee),
    isChanged: async within => (await readGrantee(within, grantee))?.version !== grantee.version,
  })
}

/** The write by which it is signed. `name`: as it was typed; absent as long as nothing is signed. */
export const careSigning = (asked: CareAsked, choices: readonly Choice[], name?: string): Write => {
  const { record, grantee, text, consent: before } = asked
  const now = new Date().toISOString()
  const draft = careDraft(record, grantee, now)
  const recipient = { ...referenceTo(grantee), display: grantee.name }
  const permits = choices
    .filter(({ shares }) => shares)
    .map(choice => permitTo({ recipient, purpose: 'TREAT' }, choice, now))
  const { reference } = (isStanding(before) && before.patient) || draft.patient
  const resource: Consent = {
    ...draft,
    ...(text.attachment.language === undefined ? {} : { language: text.attachment.language }),
    status: 'active',
    // Whoever receives it may not read the Patient, and is told by it whose readings these are.
    patient: { ...(reference === undefined ? {} : { reference }), ...(name === undefined ? {} : { display: name }) },
    sourceAttachment: { ...text.attachment, hash: text.hash },
    provision: { ...draft.provision, provision: permits },
  }
  const signedAs = name === undefined ? {} : { signedAs: name }
  return isStanding(before)
    ? { ...replacing(before, resource), ...signedAs }
    : { kind: 'create', resource, ...signedAs }
}

/** Ends all that is given, or says no to what an app has proposed. */
export const endCare = async ({ record, consent }: CareAsked): Promise<void> => {
  if (!isStanding(consent)) return
  const status = consent.status === 'active' ? 'inactive' : 'rejected'
  await write(record, replacing(consent, { ...consent, status }))
}
