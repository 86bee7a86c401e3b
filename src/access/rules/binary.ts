import type { ResourceType } from '@medplum/fhirtypes'
import { or } from '../../search/expression.ts'
import { follow } from './follow.ts'
import { allOf, ownedBy, where } from './grant.ts'
import type { Grant, Grants, Rule, Staff, Verb } from './rule.ts'

/** The types that a Binary's securityContext may name, beside ResearchSubject; one that names any other is shown to nobody. */
const contexts = [
  'Patient',
  'Observation',
  'Device',
  'Consent',
  'ResearchStudy',
  'DocumentReference',
  'DiagnosticReport',
  'Media',
  'QuestionnaireResponse',
] as const satisfies readonly ResourceType[]

/** All types that it may name, in words. */
export const contextsText = new Intl.ListFormat('en', { type: 'disjunction' }).format([...contexts, 'ResearchSubject'])

const withoutContext = where({ kind: 'content', is: 'without-security-context' })

/** https://hl7.org/fhir/R4/binary.html#security: whoever may read or change what its securityContext names; without one, its organization. */
const following = (verb: Verb): Grants => {
  const inContext = follow('securityContext', [...contexts, 'ResearchSubject'], verb === 'read' ? 'r' : 'u')
  const inOpenContext = follow('securityContext', contexts, 'r')
  const forInviting = follow('securityContext', ['ResearchSubject'], 'u')
  const owned: Grant<Staff> = allOf(ownedBy(verb === 'read' ? 'viewer' : 'member'), withoutContext)
  if (verb !== 'read')
    return {
      patient: inContext,
      staff: (who, asked) => or(owned(who, asked), inContext(who, asked)),
      client: inContext,
    }
  // What somebody in a study has signed has their name on it, also where the study knows them only by a code: it is shown to those who invite them.
  return {
    patient: inContext,
    staff: (who, asked) => or(owned(who, asked), inOpenContext(who, asked), forInviting(who, asked)),
    client: inOpenContext,
  }
}

export const binary: Rule = {
  read: following('read'),
  create: following('create'),
  update: following('update'),
  delete: following('delete'),
}
