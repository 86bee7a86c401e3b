import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, and, none, or } from '../../search/expression.ts'
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

const overTargets =
  (action: Action): Grant =>
  (_who, { registry, access }) => {
    const parameter = registry.searchParameter('Provenance', 'target')
    if (parameter === undefined) return none
    const told = targets.map(target => {
      const of = access(action, target)
      return of.kind === 'none' ? none : ({ kind: 'chain', parameter, target, of } as const)
    })
    return and({ kind: 'content', is: 'of-one-target' }, or(...told))
  }

/** It follows its targets: read by who reads them, made by who may change them. */
export const provenance: Rule = { read: everyone(overTargets('r')), create: everyone(overTargets('u')) }
