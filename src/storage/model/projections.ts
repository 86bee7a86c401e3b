import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { projectConsents } from './consent/consent.ts'
import { projectDerivations } from './derivation.ts'
import { projectDevices } from './device-parent.ts'
import { projectEnrolments } from './enrolment.ts'
import { projectGroups } from './group.ts'
import { projectMemberships } from './membership.ts'
import { projectOrganizations } from './organization.ts'
import { projectPatients } from './patient.ts'
import { projectPersons } from './person.ts'
import { projectPractitioners } from './practitioner.ts'
import type { Projected, Projection, ProjectionContext } from './projection.ts'
import { projectStudies } from './study.ts'
import { projectSubscribers } from './subscriber.ts'

/** Called in the transaction of the write, for the resources of one type. */
export const project = async (
  connection: Connection,
  type: ResourceType,
  changes: readonly Projected[],
  context: ProjectionContext,
): Promise<void> => projections[type]?.(connection, changes, context)

const projections: Readonly<Partial<Record<ResourceType, Projection>>> = {
  Organization: of(projectOrganizations),
  PractitionerRole: of(projectMemberships),
  Patient: of(projectPatients),
  Person: of(projectPersons),
  Practitioner: of(projectPractitioners),
  ResearchStudy: of(projectStudies),
  Group: of(projectGroups),
  ResearchSubject: of(projectEnrolments),
  Consent: of(projectConsents),
  Observation: of(projectDerivations),
  Device: of(projectDevices),
  Subscription: of(projectSubscribers),
}

/** The table is by type, so each gets the changes of its own. */
function of<R extends Resource>(projection: Projection<R>): Projection {
  return (connection, changes, context) => projection(connection, changes as readonly Projected<R>[], context)
}
