import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, all, and, none, or } from '../../search/expression.ts'
import { follow } from './follow.ts'
import { allOf, where } from './grant.ts'
import { everyone, type Grant, type Rule } from './rule.ts'

/** The types whose Provenance is shown. One that a client wrote about several targets is shown to nobody, since a reader might not be allowed all of them. */
const targets = [
  'Consent',
  'Patient',
  'ResearchSubject',
  'ResearchStudy',
  'Observation',
  'Device',
  'DocumentReference',
  'QuestionnaireResponse',
] as const satisfies readonly ResourceType[]

const overTarget =
  (action: Action): Grant =>
  (who, asked) =>
    and({ kind: 'content', is: 'of-one-target' }, follow('target', targets, action)(who, asked))

/**
 * A decision is about one version of a Consent, and says only who decided what, and when. If a name was typed for it, it is shown to the patient,
 * and to others who may read the Patient: staff of a coded study must not learn names.
 */
const ofConsent: Grant = (who, asked) =>
  and(
    { kind: 'content', is: 'of-one-target' },
    who.kind === 'patient' ? all : or({ kind: 'content', is: 'without-signature' }, ofReadPatient(who, asked)),
    follow('target', ['Consent'], 'r', { versioned: true })(who, asked),
  )
const ofReadPatient = follow('agent.who', ['Patient'], 'r')

/** The Provenance of an upload shows its reader the targets that they may read, and is there for whoever may read one. */
const ofUpload: Grant = (_who, { access }) => {
  const of = access('r', 'Observation')
  return of.kind === 'none' ? none : { kind: 'uploaded', of }
}

/** Otherwise whoever may change a Consent could claim that the patient has signed it. */
const noDecision = where({ kind: 'content', is: 'of-no-decision' })

/** It follows its target: whoever reads that reads it, and whoever may change that makes one. Those of uploads are made by the server alone. */
export const provenance: Rule = {
  read: everyone((who, asked) => or(overTarget('r')(who, asked), ofConsent(who, asked), ofUpload(who, asked))),
  create: everyone(allOf(overTarget('u'), noDecision)),
}
