import type { Scope } from '../access/scope.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Action } from '../search/expression.ts'
import type { AskedPart } from './asked-scope.ts'

/** Of whose data `patient/` scopes speak. */
export type Whose = 'your' | 'the patient’s'

/** What an app may do by it, in words for people. */
export const sentenceOf = ({ value, scope }: AskedPart, whose: Whose, classes: CodeClasses): string => {
  if (scope === undefined) return contextSentences[value] ?? value
  const verbs = verbsOf(scope.actions)
  const sentence = `${verbs} ${objectOf(scope, whose, classes)}`
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`
}

const contextSentences: Readonly<Record<string, string>> = {
  openid: 'Recognize you when you come again',
  fhirUser: 'Know which record here describes you',
  'launch/patient': 'Know which patient it is about',
  offline_access: 'Stay connected while you are away, until you end it or a year is over',
  online_access: 'Stay connected while you are signed in here',
}

const verbsOf = (actions: ReadonlySet<Action>): string => {
  const verbs = [
    (actions.has('r') || actions.has('s')) && 'read',
    actions.has('c') && 'add',
    actions.has('u') && 'change',
    actions.has('d') && 'delete',
  ].filter(verb => verb !== false)
  return verbs.length < 2 ? verbs.join() : `${verbs.slice(0, -1).join(', ')} and ${verbs.at(-1)}`
}

const objectOf = ({ context, type, query }: Scope, whose: Whose, classes: CodeClasses): string => {
  const kinds = query === undefined || type !== 'Observation' ? undefined : kindsIn(query, classes)
  const only = query === undefined || kinds !== undefined ? '' : `, only where ${criteriaIn(query)}`
  if (type === '*')
    return `${context === 'patient' ? `all of ${whose} health data` : 'everything that you may see'}${only}`
  const things = kinds ?? thingsByType[type] ?? `${spaced(type)} records`
  return context === 'patient' ? `${whose} ${things}${only}` : `the ${things} that you may see${only}`
}

/** The names of the kinds, where the query asks of nothing else. */
const kindsIn = (query: string, classes: CodeClasses): string | undefined => {
  const [[name, value = ''] = [], ...others] = [...new URLSearchParams(query)]
  if (name !== 'code' || others.length > 0) return undefined
  const keys = value.split(',').map(text => {
    const bar = text.indexOf('|')
    return bar < 0 ? classes.kindOf(undefined, text) : classes.kindOf(text.slice(0, bar), text.slice(bar + 1))
  })
  const kinds = [...new Set(keys)].map(key => classes.kinds().find(kind => kind.key === key)?.display)
  return kinds.includes(undefined) ? undefined : kinds.map(kind => inSentence(kind ?? '')).join(', ')
}

const criteriaIn = (query: string): string =>
  [...new URLSearchParams(query)].map(([name, value]) => `${name} is ${value}`).join(' and ')

/** `Heart rate` without its capital; `R-R interval` as it is. */
const inSentence = (display: string): string =>
  /[A-Z]/.test(display.slice(1)) ? display : `${display.charAt(0).toLowerCase()}${display.slice(1)}`

const spaced = (type: string): string => type.replace(/\B[A-Z]/g, ' $&').toLowerCase()

const thingsByType: Readonly<Record<string, string>> = {
  AllergyIntolerance: 'allergies',
  Appointment: 'appointments',
  Condition: 'health problems and diagnoses',
  Consent: 'decisions about sharing data',
  Device: 'devices',
  DiagnosticReport: 'reports of tests',
  DocumentReference: 'documents',
  Encounter: 'visits',
  Immunization: 'vaccinations',
  MedicationRequest: 'prescriptions',
  MedicationStatement: 'medicines',
  Observation: 'measurements and survey answers',
  Patient: 'name, birth date, address and contact details',
  Procedure: 'treatments',
  QuestionnaireResponse: 'answered questionnaires',
  ResearchStudy: 'studies',
  ResearchSubject: 'taking part in studies',
}
