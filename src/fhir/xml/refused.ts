import { FhirError } from '../error.ts'

export const refused = (message: string, expression?: string): FhirError =>
  new FhirError('structure', message, { status: 400, ...(expression === undefined ? {} : { expression }) })
