import type { ResourceType } from '@medplum/fhirtypes'
import { isDefinition } from './definition-type.ts'
import { isInCompartments } from './patient-compartment.ts'
import { contextsText } from './rules/binary.ts'

/** Tells somebody who may not write resources of the type who may. It states the rule alone, and nothing of what is stored. */
export const whoWrites = (type: ResourceType): string =>
  whoWritesType[type] ?? (isDefinition(type) ? administrators : isInCompartments(type) ? clinical : organizational)

const administrators = 'administrators of the installation write it'

const clinical =
  'the patient whom it is about writes it, or a member of the organization that owns it, about one Patient whom that organization has registered'

const organizational = 'members of the organization that owns it write it'

const whoWritesType: Readonly<Partial<Record<ResourceType, string>>> = {
  Observation:
    'its subject must be a patient that the token writes for, and what it measures, with all that it contains, must be of a kind that an active consent of the patient permits',
  Patient: 'members of its managingOrganization write it, and the patient changes its contact data alone',
  ResearchStudy:
    'members of its sponsor write it; its staff entries are made by managers and by those who lead it, and never one’s own',
  Group: 'members of its managingEntity write it',
  ResearchSubject: 'members of the organization of its study write it, and staff who invite; the patient may end it',
  Organization: 'managers of what it is partOf write it; one that is part of nothing is made by administrators',
  Practitioner:
    'managers of the organization that owns it write it, as long as whom it is of has no role in another tenant',
  PractitionerRole:
    'managers of its organization write it, for a practitioner whom they know and who has not left for another tenant, and never for themselves',
  Person:
    'managers write the accounts of practitioners of theirs, as its links name them, as long as these have no role in another tenant, and never their own, nor one that administers the installation; whose an account is never changes, and its identifiers come from signing in alone',
  Consent:
    'the patient alone gives, changes and refuses it, through a client that records consents, to a study that the patient is invited to; staff who invite write it as proposed, and as inactive with an inactivation-reason',
  Device: 'one with a patient is written by that patient, one without by administrators of the installation',
  Binary: `whoever may change the one resource that its securityContext names writes it, which is a ${contextsText}; without one, members of the organization that owns it`,
  Provenance:
    'it has one target, which its writer may change, and its activity is no code of consent-decision: the server alone records what was decided',
  AuditEvent: 'the server alone writes it',
  Subscription: 'patients, staff and clients write their own',
}
