import type { AuditEvent } from '@medplum/fhirtypes'

/** DICOM's "Security Alert" (https://hl7.org/fhir/R4/valueset-audit-event-type.html), for rights that were given out. */
export const unlimitedTokenIssued = (client: string, scope: string): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110113', display: 'Security Alert' },
  subtype: [
    {
      system: 'http://dicom.nema.org/resources/ontology/DCM',
      code: '110137',
      display: 'User Security Attributes Changed',
    },
  ],
  action: 'C',
  recorded: new Date().toISOString(),
  outcome: '0',
  outcomeDesc: `A token with the policy everything was issued, with the scopes ${scope}`,
  agent: [{ who: { identifier: { value: client } }, requestor: true }],
  source: { observer: { display: 'Command line of this server' } },
})
