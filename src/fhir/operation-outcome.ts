import type { OperationOutcome } from '@medplum/fhirtypes'
import { type Issue, toOutcomeIssue } from './error.ts'

/** https://hl7.org/fhir/R4/operationoutcome.html */
export const toOperationOutcome = (issues: readonly [Issue, ...Issue[]]): OperationOutcome => {
  const [first, ...rest] = issues
  return { resourceType: 'OperationOutcome', issue: [toOutcomeIssue(first), ...rest.map(toOutcomeIssue)] }
}
