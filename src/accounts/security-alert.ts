import type { AuditEvent, Coding } from '@medplum/fhirtypes'
import { systems } from '../fhir/canonical.ts'

type Alert = {
  /** What kind of change it is: one of `subtypes`, and codes of our own. */
  readonly subtype: Coding[]
  readonly action: NonNullable<AuditEvent['action']>
  readonly outcome?: NonNullable<AuditEvent['outcome']>
  /** A sentence, without secrets. */
  readonly told: string
}

/** An AuditEvent about something other than access to data, without who did it and what it is about. */
export const securityAlert = ({
  subtype,
  action,
  outcome = '0',
  told,
}: Alert): Omit<AuditEvent, 'agent' | 'source'> => ({
  resourceType: 'AuditEvent',
  type: { system: systems.dicom, code: '110113', display: 'Security Alert' },
  subtype,
  action,
  recorded: new Date().toISOString(),
  outcome,
  outcomeDesc: told,
})

/** Codes of DICOM. https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html */
export const subtypes = {
  userSecurity: { system: systems.dicom, code: '110137', display: 'User Security Attributes Changed' },
  configuration: { system: systems.dicom, code: '110129', display: 'Security Configuration' },
} as const
