import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, all, and, none, or } from '../../search/expression.ts'
import { follow } from './follow.ts'
import { allOf, where } from './grant.ts'
import { everyone, type Grant, type Rule } from './rule.ts'

/** The types whose provenance is told. One of several targets that somebody wrote is told to nobody: not all of them may be one's own. */
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
 * Decisions are about one version of a Consent, and tell no more of it than who decided what, and when. Where a name was typed for one, it is
 * told to the patient themself, and to others who may read the Patient: staff of a coded study know nobody's name.
 */
const ofConsent: Grant = (who, asked) =>
  and(
    { kind: 'content', is: 'of-one-target' },
    who.kind === 'patient' ? all : or({ kind: 'content', is: 'without-signature' }, ofReadPatient(who, asked)),
    follow('target', ['Consent'], 'r', { versioned: true })(who, asked),
  )
const ofReadPatient = follow('agent.who', ['Patient'], 'r')

/** That of an upload has as targets those that its reader may read, and is there for whoever may read one. */
const ofUpload: Grant = (_who, { access }) => {
  const of = access('r', 'Observation')
  return of.kind === 'none' ? none : { kind: 'uploaded', of }
}

/** Else whoever may change a Consent could say of it that the patient has signed. */
const noDecision = where({ kind: 'content', is: 'of-no-decision' })

/** It follows its target: read by who reads that, made by who may change it. The server alone makes that of an upload. */
export const provenance: Rule = {
  read: everyone((who, asked) => or(overTarget('r')(who, asked), ofConsent(who, asked), ofUpload(who, asked))),
  create: everyone(allOf(overTarget('u'), noDecision)),
}
