import type { Expression } from './expression.ts'

/** Ids of the Patients that a question names by `patient` or `subject`; undefined if it may be about anybody. */
export const namedPatients = (question: Expression): readonly string[] | undefined => {
  switch (question.kind) {
    case 'match': {
      const { parameter, value } = question
      const isSubject = parameter.code === 'patient' || parameter.code === 'subject'
      const isPatient = value.kind === 'reference' && (value.type === undefined || value.type === 'Patient')
      return isSubject && isPatient ? [value.id] : undefined
    }
    case 'and':
      return question.of.map(namedPatients).find(ids => ids !== undefined)
    case 'or': {
      const ids = question.of.map(namedPatients)
      return ids.every(one => one !== undefined) ? ids.flat() : undefined
    }
    default:
      return undefined
  }
}
