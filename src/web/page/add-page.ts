import type { FastifyInstance } from 'fastify'
import type { Access } from '../../access/access.ts'
import type { Caller } from '../../access/caller.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import type { AdministeredOrganizations } from '../../accounts/organization/administered-organizations.ts'
import type { StaffInvitations } from '../../accounts/staff/staff-invitations.ts'
import type { EhrLaunches } from '../../auth/ehr/launches.ts'
import type { Sso } from '../../auth/sso/sso.ts'
import type { InvitationApp } from '../../config/invitation.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { CallerTurns } from '../../http/caller/caller-turns.ts'
import type { Cookies } from '../../http/caller/session.ts'
import type { openContexts } from '../../http/fhir/fhir-context.ts'
import type { Outbox } from '../../messages/outbox.ts'
import type { Mhealth } from '../../mhealth/mhealth.ts'
import type { Trail } from '../../storage/audit/trail.ts'
import type { PhoneCountry } from '../../storage/model/mobile-number.ts'
import type { Store } from '../../storage/store.ts'
import type { Acceptance } from '../../studies/invitation/acceptance.ts'
import type { Invitations } from '../../studies/invitation/invitations.ts'
import type { PatientChanges } from '../../studies/patient/patient-change.ts'
import type { PatientImports } from '../../studies/patient/patient-import.ts'
import type { Registering } from '../../studies/patient/registering.ts'
import type { StudyActions } from '../../studies/people/study-actions.ts'

export type PageOptions = {
  readonly accounts: Accounts
  readonly cookies: Cookies
  /** Records whom a page refuses. */
  readonly trail: Trail
  readonly ehrLaunches: EhrLaunches
  readonly administered: AdministeredOrganizations
  readonly staffInvitations: StaffInvitations
  /** Undefined if no institution signs people in. */
  readonly sso: Sso | undefined
  readonly invitations: Invitations
  /** The apps with which the page of an invitation offers to open it. */
  readonly invitationApps: readonly InvitationApp[]
  readonly acceptance: Acceptance
  readonly registering: Registering
  /** Whose numbers may be typed without their country code. */
  readonly phoneCountry: PhoneCountry
  readonly patientChanges: PatientChanges
  readonly patientImports: PatientImports
  readonly studyActions: StudyActions
  /** Undefined if messages are really sent, or nobody may see them here. */
  readonly outbox: Outbox | undefined
  /** How old the last backup may be. */
  readonly backupDays: number
  readonly registry: Registry
  /** The kinds of data that people know by name. */
  readonly codeClasses: CodeClasses
  readonly measuredDocumentOf: Mhealth['measuredDocumentOf']
  /** The context of interactions, for pages that do what the API does. */
  readonly contextFor: ReturnType<typeof openContexts>
  readonly turnsOf: CallerTurns['turnsOf']
  /** The store as a caller sees it; with `within`, only as far as that allows it, too. */
  readonly openStoreFor: (caller: Caller, within?: Access) => Store
}

/** Adds a page, and what its form does. */
export type AddPage = (server: FastifyInstance, options: PageOptions) => void
