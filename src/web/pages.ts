import fastifyCookie from '@fastify/cookie'
import fastifyCsrf from '@fastify/csrf-protection'
import fastifyFormbody from '@fastify/formbody'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'
import { addressGroup } from '../http/address-group.ts'
import { type Cookies, sessionCookieOf } from '../http/session.ts'
import { keepRequest } from '../http/within-request.ts'
import { findFramedSession, findSession, type Session } from '../storage/account/session.ts'
import { standingOf } from '../storage/account/standing.ts'
import type { Database } from '../storage/database.ts'
import { accountPage } from './account.ts'
import { accountAppsPage } from './account-apps.ts'
import { accountDataPage } from './account-data.ts'
import { accountDisclosuresPage } from './account-disclosures.ts'
import { accountEhrsPage } from './account-ehrs.ts'
import { accountEmailPage } from './account-email.ts'
import { accountInstitutionPage } from './account-institution.ts'
import { accountNamePage } from './account-name.ts'
import { accountPasswordPage } from './account-password.ts'
import { accountSecondFactorPage } from './account-second-factor.ts'
import { accountSessionsPage } from './account-sessions.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { auditPage } from './audit.ts'
import { authorizePage } from './authorize.ts'
import { contentSecurityPolicy } from './content-security.ts'
import { ehrLaunchPage } from './ehr-launch.ts'
import { emailChangePage } from './email-change.ts'
import { forgottenPasswordPage } from './forgotten-password.ts'
import { sendFormOfAnother } from './form-of-another.ts'
import { requireOwnForms, unmarkedToken } from './form-token.ts'
import { allowFrame, isFramed, jarOf } from './frame.ts'
import { intakePages } from './intake-pages.ts'
import { invitationPage } from './invitation.ts'
import { invitationAccountPage } from './invitation-account.ts'
import { joinPage } from './join.ts'
import { languageNotes } from './language-notes.ts'
import { launchedPage } from './launched.ts'
import { launchedTabAction } from './launched-in-frame.ts'
import { newAccountPage } from './new-account.ts'
import { newPasswordPage } from './new-password.ts'
import { organizationPage } from './organization.ts'
import { organizationAppPage } from './organization-app.ts'
import { organizationAppsPage } from './organization-apps.ts'
import { organizationChangePage } from './organization-change.ts'
import { organizationClosePage } from './organization-close.ts'
import { organizationEhrPage } from './organization-ehr.ts'
import { organizationEhrsPage } from './organization-ehrs.ts'
import { organizationMovePage } from './organization-move.ts'
import { organizationPeoplePage } from './organization-people.ts'
import { organizationPersonPage } from './organization-person.ts'
import { organizationsPage } from './organizations.ts'
import { outboxPage } from './outbox.ts'
import { partnerLinkPage } from './partner-link.ts'
import { patientPage } from './patient.ts'
import { patientChangePage } from './patient-change.ts'
import { patientImportPage } from './patient-import.ts'
import { patientImportsPage } from './patient-imports.ts'
import { patientNewPage } from './patient-new.ts'
import { patientsPage } from './patients.ts'
import { recordRefusedPages } from './refused-page.ts'
import { secondFactorPage } from './second-factor.ts'
import { sharingPage } from './sharing.ts'
import { sharingCopyPage } from './sharing-copy.ts'
import { sharingStudyPage } from './sharing-study.ts'
import { signInPage } from './sign-in.ts'
import { signOutAction } from './sign-out.ts'
import { signUpPage } from './sign-up.ts'
import { sourcePage } from './source.ts'
import { sourcesPage } from './sources.ts'
import { ssoPage } from './sso.ts'
import { ssoArrivalPage } from './sso-arrival.ts'
import { staffInvitationPage } from './staff-invitation.ts'
import { staticFiles } from './static-files.ts'
import { studiesPage } from './studies.ts'
import { studyPage } from './study.ts'
import { studyActionPage } from './study-action.ts'
import { studyArrivalsPage } from './study-arrivals.ts'
import { studyCompletenessPage } from './study-completeness.ts'
import { studyDataPage } from './study-data.ts'
import { studyEnrolmentPage } from './study-enrolment.ts'
import { studyFactsPage } from './study-facts.ts'
import { studyInvitationActions } from './study-invitation.ts'
import { studyInvitationsPage } from './study-invitations.ts'
import { studyNewPage } from './study-new.ts'
import { studyNotebookPage } from './study-notebook.ts'
import { studyPaperPage } from './study-paper.ts'
import { studyPaperSettingPage } from './study-paper-setting.ts'
import { studyReasonPage } from './study-reason.ts'
import { studySettingsPage } from './study-settings.ts'
import { studyStaffPage } from './study-staff.ts'
import { studyStaffEntryPage } from './study-staff-entry.ts'
import { studyStatusPage } from './study-status.ts'
import { studyTextPage } from './study-text.ts'
import { studyTextDraftPage } from './study-text-draft.ts'
import { studyWithdrawalPage } from './study-withdrawal.ts'
import { systemPage } from './system.ts'
import { systemEventsPage } from './system-events.ts'
import { verificationPage } from './verification.ts'

const pages: readonly AddPage[] = [
  signInPage,
  secondFactorPage,
  signOutAction,
  signUpPage,
  newAccountPage,
  forgottenPasswordPage,
  newPasswordPage,
  verificationPage,
  accountPage,
  accountSessionsPage,
  accountSecondFactorPage,
  accountNamePage,
  accountEmailPage,
  accountPasswordPage,
  emailChangePage,
  ehrLaunchPage,
  partnerLinkPage,
  launchedPage,
  launchedTabAction,
  patientPage,
  patientsPage,
  patientNewPage,
  patientChangePage,
  patientImportsPage,
  patientImportPage,
  accountAppsPage,
  accountDataPage,
  accountDisclosuresPage,
  auditPage,
  accountEhrsPage,
  accountInstitutionPage,
  ssoPage,
  ssoArrivalPage,
  authorizePage,
  organizationsPage,
  organizationPage,
  organizationChangePage,
  organizationMovePage,
  organizationClosePage,
  organizationPeoplePage,
  staffInvitationPage,
  organizationPersonPage,
  joinPage,
  sourcesPage,
  sourcePage,
  intakePages,
  systemPage,
  systemEventsPage,
  organizationAppsPage,
  organizationAppPage,
  organizationEhrsPage,
  organizationEhrPage,
  studiesPage,
  studyPage,
  studyCompletenessPage,
  studyArrivalsPage,
  studyNotebookPage,
  studyInvitationActions,
  studyWithdrawalPage,
  studyInvitationsPage,
  studyEnrolmentPage,
  studyActionPage,
  studyPaperPage,
  studyPaperSettingPage,
  studyNewPage,
  studySettingsPage,
  studyFactsPage,
  studyDataPage,
  studyReasonPage,
  studyStaffPage,
  studyStaffEntryPage,
  studyTextPage,
  studyTextDraftPage,
  studyStatusPage,
  outboxPage,
  invitationPage,
  invitationAccountPage,
  sharingPage,
  sharingStudyPage,
  sharingCopyPage,
]

/** Everything for people, apart from the API: forms that only our own pages can send, and headers that let in nothing else. */
export const pageRoutes = async (server: FastifyInstance, options: PageOptions): Promise<void> => {
  const { accounts, cookies } = options
  recordRefusedPages(server, { database: accounts.database, trail: options.trail })
  await server.register(fastifyHelmet, headers(cookies.options.secure))
  await server.register(staticFiles)
  await server.register(fastifyCookie)
  server.removeAllContentTypeParsers()
  await server.register(fastifyFormbody, { bodyLimit: 65_536 })
  await server.register(fastifyCsrf, {
    cookieKey: cookies.nameOf('form'),
    cookieOpts: cookies.options,
    getToken: unmarkedToken,
    logLevel: 'debug',
  })
  await server.register(fastifyRateLimit, {
    max: mostRequests,
    timeWindow: '1 minute',
    keyGenerator: addressGroup,
    errorResponseBuilder: () => new FhirError('throttled', 'Too many requests'),
  })
  keepRequest(server)
  server.decorateRequest('session', undefined)
  server.decorateRequest('standing', undefined)
  const noteLanguage = languageNotes(accounts.database)
  server.addHook('onRequest', async (request, reply) => {
    // CORS is for the API: what a page shows to whoever may open it, such as the outbox, no script of another site reads.
    for (const header of ['access-control-allow-origin', 'access-control-expose-headers']) reply.removeHeader(header)
    request.session = await sessionFor(request, accounts.database, cookies)
    if (request.session !== undefined) {
      request.standing = await standingOf(accounts.database, request.session.person)
      await noteLanguage(request, request.session)
    }
    allowFrame(reply, request.session?.frame?.origins ?? [])
  })
  const origin = () => new URL(accounts.address()).origin
  requireOwnForms(server, { cookies, origin, refuseOthers: sendFormOfAnother })
  server.get('/', async (_request, reply) => reply.redirect('/account', 303))
  for (const add of pages) add(server, options)
}

const sessionFor = async (
  request: FastifyRequest,
  database: Database,
  cookies: Cookies,
): Promise<Session | undefined> => {
  const jar = jarOf(request, cookies)
  if (jar === undefined) return undefined
  const find = isFramed(request) ? findFramedSession : findSession
  return find(database, sessionCookieOf(request, jar))
}

/** Of one address; whole clinics may be behind it. */
const mostRequests = 300

const headers = (secure: boolean) => ({
  contentSecurityPolicy,
  frameguard: { action: 'deny' as const },
  hsts: secure && { maxAge: 365 * 24 * 60 * 60, includeSubDomains: false },
  referrerPolicy: { policy: 'no-referrer' as const },
})
