import type { FastifyBaseLogger } from 'fastify'
import type { Caller } from '../access/caller.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { type Config, hasOutbox } from '../config.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Mail } from '../messages/mail.ts'
import { openOutbound } from '../messages/outbound.ts'
import { openOutbox } from '../messages/outbox.ts'
import { openSms, smsOriginsOf } from '../messages/sms.ts'
import type { Store } from '../storage/store.ts'
import { openAcceptance } from '../studies/invitation/acceptance.ts'
import { openInvitations } from '../studies/invitation/invitations.ts'
import { openPatientChanges } from '../studies/patient/patient-change.ts'
import { openPatientImports } from '../studies/patient/patient-import.ts'
import { openRegistering } from '../studies/patient/registering.ts'
import { openStudyActions } from '../studies/people/study-actions.ts'
import { type Jobs, openActing, openImporting, openSending } from './work.ts'

type Parts = {
  readonly config: Config
  readonly log: FastifyBaseLogger
  readonly accounts: Accounts
  readonly mail: Mail | undefined
  readonly registry: Registry
  readonly codeClasses: CodeClasses
  readonly openStoreFor: (caller: Caller) => Store
  readonly jobs: Jobs | undefined
}

/** How patients are registered, imported, invited and written to, with the background work for that. */
export const openPatients = async (parts: Parts) => {
  const { config, log, accounts, mail, registry, codeClasses, openStoreFor, jobs } = parts
  const { database } = accounts
  const outbound = openOutbound({ allowed: [...config.outboundOrigins, ...smsOriginsOf(config)] })
  const outbox = hasOutbox(config) ? openOutbox() : undefined
  const channels = outbox ?? { email: mail, sms: openSms({ config, log, outbound }) }
  const letters = { accounts, database, channels }
  const registering = { accounts, database, registry, openStoreFor }
  const sending = jobs && (await openSending(letters, jobs))
  const invitations = openInvitations({
    ...letters,
    registry,
    openStoreFor,
    days: config.invitationDays,
    ask: async id => sending?.ask(id),
  })
  const studies = { ...registering, codeClasses }
  const acting = jobs && (await openActing({ ...studies, invitations }, jobs))
  const askForAction = async (id: string) => acting?.ask(id)
  const importing = jobs && (await openImporting({ ...registering, askForAction }, jobs))
  return {
    channels,
    pages: {
      outbox,
      invitationApps: config.invitationApps,
      invitations,
      acceptance: openAcceptance(letters),
      registering: openRegistering(registering),
      phoneCountry: config.phoneCountry,
      patientChanges: openPatientChanges(registering),
      studyActions: openStudyActions({ ...studies, channels, ask: askForAction }),
      patientImports: openPatientImports({ ...registering, ask: async id => importing?.ask(id) }),
    },
    /** Waits for the background work that is under way. */
    closeWork: async () => {
      await Promise.all([sending?.close(), importing?.close()])
      // A list that was registered just now has people of it enrolled.
      await acting?.close()
    },
    /** To be called when no request is left. */
    close: outbound.close,
  }
}
