import fastifyCookie from '@fastify/cookie'
import fastifyCsrf from '@fastify/csrf-protection'
import fastifyFormbody from '@fastify/formbody'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Cookies, sessionCookieOf } from '../http/session.ts'
import { keepRequest } from '../http/within-request.ts'
import { findFramedSession, findSession, isInForce, type Session } from '../storage/account/session.ts'
import { standingOf } from '../storage/account/standing.ts'
import type { Database } from '../storage/database.ts'
import { accountPage } from './account/account.ts'
import { accountAppsPage } from './account/account-apps.ts'
import { accountDataPage } from './account/account-data.ts'
import { accountDisclosuresPage } from './account/account-disclosures.ts'
import { accountEhrsPage } from './account/account-ehrs.ts'
import { accountEmailPage } from './account/account-email.ts'
import { accountInstitutionPage } from './account/account-institution.ts'
import { accountNamePage } from './account/account-name.ts'
import { accountPasswordPage } from './account/account-password.ts'
import { accountSecondFactorPage } from './account/account-second-factor.ts'
import { accountSessionsPage } from './account/account-sessions.ts'
import { emailChangePage } from './account/email-change.ts'
import { verificationPage } from './account/verification.ts'
import { auditPage } from './audit/audit.ts'
import { authorizePage } from './authorize/authorize.ts'
import { partnerLinkPage } from './authorize/partner-link.ts'
import { sendFormOfAnother } from './form-of-another.ts'
import { sourcePage } from './intake/source.ts'
import { sourcesPage } from './intake/sources.ts'
import { intakePages } from './intake-pages.ts'
import { invitationPage } from './invitation/invitation.ts'
import { invitationAccountPage } from './invitation/invitation-account.ts'
import { languageNotes } from './language-notes.ts'
import { ehrLaunchPage } from './launch/ehr-launch.ts'
import { launchedPage } from './launch/launched.ts'
import { launchedTabAction } from './launch/launched-in-frame.ts'
import { joinPage } from './organization/join.ts'
import { organizationPage } from './organization/organization.ts'
import { organizationAppPage } from './organization/organization-app.ts'
import { organizationAppsPage } from './organization/organization-apps.ts'
import { organizationChangePage } from './organization/organization-change.ts'
import { organizationClosePage } from './organization/organization-close.ts'
import { organizationEhrPage } from './organization/organization-ehr.ts'
import { organizationEhrsPage } from './organization/organization-ehrs.ts'
import { organizationMovePage } from './organization/organization-move.ts'
import { organizationPeoplePage } from './organization/organization-people.ts'
import { organizationPersonPage } from './organization/organization-person.ts'
import { organizationsPage } from './organization/organizations.ts'
import { staffInvitationPage } from './organization/staff-invitation.ts'
import type { AddPage, PageOptions } from './page/add-page.ts'
import { contentSecurityPolicy } from './page/content-security.ts'
import { requireOwnForms, unmarkedToken } from './page/form-token.ts'
import { allowFrame, isFramed, jarOf } from './page/frame.ts'
import { pageLimits } from './page-limits.ts'
import { patientPage } from './patient/patient.ts'
import { patientChangePage } from './patient/patient-change.ts'
import { patientImportPage } from './patient/patient-import.ts'
import { patientImportsPage } from './patient/patient-imports.ts'
import { patientNewPage } from './patient/patient-new.ts'
import { patientsPage } from './patient/patients.ts'
import { recordRefusedPages } from './refused-page.ts'
import { sharingPage } from './sharing/sharing.ts'
import { sharingCopyPage } from './sharing/sharing-copy.ts'
import { sharingStudyPage } from './sharing/sharing-study.ts'
import { forgottenPasswordPage } from './sign-in/forgotten-password.ts'
import { newAccountPage } from './sign-in/new-account.ts'
import { newPasswordPage } from './sign-in/new-password.ts'
import { secondFactorPage } from './sign-in/second-factor.ts'
import { signInPage } from './sign-in/sign-in.ts'
import { signOutAction } from './sign-in/sign-out.ts'
import { signUpPage } from './sign-in/sign-up.ts'
import { ssoPage } from './sign-in/sso.ts'
import { ssoArrivalPage } from './sign-in/sso-arrival.ts'
import { staticFiles } from './static-files.ts'
import { studiesPage } from './study/studies.ts'
import { studyPage } from './study/study.ts'
import { studyActionPage } from './study/study-action.ts'
import { studyArrivalsPage } from './study/study-arrivals.ts'
import { studyCompletenessPage } from './study/study-completeness.ts'
import { studyEnrolmentPage } from './study/study-enrolment.ts'
import { studyInvitationActions } from './study/study-invitation.ts'
import { studyInvitationsPage } from './study/study-invitations.ts'
import { studyNotebookPage } from './study/study-notebook.ts'
import { studyPaperPage } from './study/study-paper.ts'
import { studyWithdrawalPage } from './study/study-withdrawal.ts'
import { studyDataPage } from './study-settings/study-data.ts'
import { studyFactsPage } from './study-settings/study-facts.ts'
import { studyNewPage } from './study-settings/study-new.ts'
import { studyPaperSettingPage } from './study-settings/study-paper-setting.ts'
import { studyReasonPage } from './study-settings/study-reason.ts'
import { studySettingsPage } from './study-settings/study-settings.ts'
import { studyStaffPage } from './study-settings/study-staff.ts'
import { studyStaffEntryPage } from './study-settings/study-staff-entry.ts'
import { studyStatusPage } from './study-settings/study-status.ts'
import { studyTextPage } from './study-settings/study-text.ts'
import { studyTextDraftPage } from './study-settings/study-text-draft.ts'
import { outboxPage } from './system/outbox.ts'
import { systemPage } from './system/system.ts'
import { systemEventsPage } from './system/system-events.ts'

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
  await server.register(fastifyRateLimit, pageLimits)
  keepRequest(server)
  server.decorateRequest('session', undefined)
  server.decorateRequest('standing', undefined)
  const noteLanguage = languageNotes(accounts.database)
  server.addHook('onRequest', async (request, reply) => {
    // CORS is for the API: what a page shows to whoever may open it, such as the outbox, no script of another site reads.
    for (const header of ['access-control-allow-origin', 'access-control-expose-headers']) reply.removeHeader(header)
    request.session = await sessionFor(request, accounts.database, cookies)
    if (request.session !== undefined) {
      const { id, person } = request.session
      request.isStillLetIn = () => isInForce(accounts.database, id)
      request.standing = await standingOf(accounts.database, person)
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

const headers = (secure: boolean) => ({
  contentSecurityPolicy,
  frameguard: { action: 'deny' as const },
  hsts: secure && { maxAge: 365 * 24 * 60 * 60, includeSubDomains: false },
  referrerPolicy: { policy: 'no-referrer' as const },
})
