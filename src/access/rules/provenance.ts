import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, and, or } from '../../search/expression.ts'
import { follow } from './follow.ts'
import { both, where } from './grant.ts'
import { everyone, type Grant, type Rule } from './rule.ts'

/** The types whose provenance is told. A Provenance of several targets is told to nobody: not all of them may be one's own. */
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

/** Decisions are about one version of a Consent, and tell no more of it than who decided what, and when. */
const ofConsent: Grant = (who, asked) =>
  and({ kind: 'content', is: 'of-one-target' }, follow('target', ['Consent'], 'r', { versioned: true })(who, asked))

/** Else whoever may change a Consent could say of it that the patient has signed. */
const noDecision = where({ kind: 'content', is: 'of-no-decision' })

/** It follows its target: read by who reads that, made by who may change it. */
export const provenance: Rule = {
  read: everyone((who, asked) => or(overTarget('r')(who, asked), ofConsent(who, asked))),
  create: everyone(both(overTarget('u'), noDecision)),
}
