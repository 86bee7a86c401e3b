import type { Scope } from '../../access/scope.ts'
import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import type { Action } from '../../search/expression.ts'
import type { AskedPart } from './asked-scope.ts'

/** Whose data `patient/` scopes mean: the reader's own, or a patient's. */
export type Whose = 'own' | 'patient'

/** What an app may do with it, in words for people. */
export const sentenceOf = (words: Words, { value, scope }: AskedPart, whose: Whose, classes: CodeClasses): string => {
  if (scope === undefined) {
    const key = contextSentences[value]
    return key === undefined ? value : words.say(key)
  }
  const sentence = scopeSentence(words, scope, whose, classes)
  return `${sentence.charAt(0).toLocaleUpperCase(words.code)}${sentence.slice(1)}`
}

const contextSentences: Readonly<Record<string, Key>> = {
  openid: 'scope.openid',
  fhirUser: 'scope.fhirUser',
  'launch/patient': 'scope.launch/patient',
  offline_access: 'scope.offline_access',
  online_access: 'scope.online_access',
}

const scopeSentence = (
  words: Words,
  { actions, context, type, query }: Scope,
  whose: Whose,
  classes: CodeClasses,
): string => {
  const { say } = words
  const about = context === 'patient' ? whose : 'seen'
  const kinds =
    query === undefined || type !== 'Observation'
      ? undefined
      : (kindsIn(words, query, classes) ?? categoriesIn(words, query))
  const verbs = verbsOf(words, actions)
  const sentence =
    type === '*'
      ? say(`scope.all-${about}`, { do: verbs })
      : say(`scope.${about}`, { do: verbs, things: kinds ?? thingsOf(words, type) })
  return query === undefined || kinds !== undefined
    ? sentence
    : say('scope.only', { sentence, criteria: criteriaIn(words, query) })
}

const verbsOf = ({ say, list }: Words, actions: ReadonlySet<Action>): string => {
  const verbs = [
    (actions.has('r') || actions.has('s')) && say('scope.read'),
    actions.has('c') && say('scope.add'),
    actions.has('u') && say('scope.change'),
    actions.has('d') && say('scope.delete'),
  ].filter(verb => verb !== false)
  return list(verbs)
}

export const thingsOf = ({ say }: Words, type: string): string => {
  const key = thingsByType[type]
  return key === undefined ? say('scope.records', { type: spaced(type) }) : say(key)
}

/** The names of the kinds, if the query has nothing else. */
const kindsIn = (words: Words, query: string, classes: CodeClasses): string | undefined => {
  const [[name, value = ''] = [], ...others] = [...new URLSearchParams(query)]
  if (name !== 'code' || others.length > 0) return undefined
  const keys = value.split(',').map(text => {
    const bar = text.indexOf('|')
    return bar < 0 ? classes.kindOf(undefined, text) : classes.kindOf(text.slice(0, bar), text.slice(bar + 1))
  })
  const kinds = [...new Set(keys)].map(key => classes.kinds().find(kind => kind.key === key))
  const known = kinds.filter(kind => kind !== undefined)
  if (known.length < kinds.length) return undefined
  return words.list(known.map(({ key, display }) => inSentence(words.kind(key, display))))
}

/** The names of FHIR's own categories, if the query has nothing else. */
const categoriesIn = ({ say, list }: Words, query: string): string | undefined => {
  const [[name, value = ''] = [], ...others] = [...new URLSearchParams(query)]
  if (name !== 'category' || others.length > 0) return undefined
  const keys = value.split(',').map(text => categories.get(text.replace(`${systems.observationCategory}|`, '')))
  return keys.every(key => key !== undefined) ? list(keys.map(key => say(key))) : undefined
}

const categories: ReadonlyMap<string, Key> = new Map([
  ['activity', 'category.activity'],
  ['exam', 'category.exam'],
  ['imaging', 'category.imaging'],
  ['laboratory', 'category.laboratory'],
  ['procedure', 'category.procedure'],
  ['social-history', 'category.social-history'],
  ['survey', 'category.survey'],
  ['therapy', 'category.therapy'],
  ['vital-signs', 'category.vital-signs'],
])

const criteriaIn = ({ say, list }: Words, query: string): string =>
  list([...new URLSearchParams(query)].map(([name, value]) => say('scope.criterion', { name, value })))

/** `Heart rate` without its capital; `R-R interval` as it is. */
const inSentence = (display: string): string =>
  /^.\S*[A-Z]/.test(display) ? display : `${display.charAt(0).toLowerCase()}${display.slice(1)}`

const spaced = (type: string): string => type.replace(/\B[A-Z]/g, ' $&').toLowerCase()

const thingsByType: Readonly<Record<string, Key>> = {
  AllergyIntolerance: 'thing.AllergyIntolerance',
  Appointment: 'thing.Appointment',
  Condition: 'thing.Condition',
  Consent: 'thing.Consent',
  Device: 'thing.Device',
  DiagnosticReport: 'thing.DiagnosticReport',
  DocumentReference: 'thing.DocumentReference',
  Encounter: 'thing.Encounter',
  Immunization: 'thing.Immunization',
  MedicationRequest: 'thing.MedicationRequest',
  MedicationStatement: 'thing.MedicationStatement',
  Observation: 'thing.Observation',
  Patient: 'thing.Patient',
  Procedure: 'thing.Procedure',
  QuestionnaireResponse: 'thing.QuestionnaireResponse',
  ResearchStudy: 'thing.ResearchStudy',
  ResearchSubject: 'thing.ResearchSubject',
}
