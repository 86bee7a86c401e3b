import { accountPage } from './account/account.ts'
import { accountAppsPage } from './account/account-apps.ts'
import { accountContactPage } from './account/account-contact.ts'
import { accountContactsPage } from './account/account-contacts.ts'
import { accountDataPage } from './account/account-data.ts'
import { accountDisclosuresPage } from './account/account-disclosures.ts'
import { accountEhrsPage } from './account/account-ehrs.ts'
import { accountEmailPage } from './account/account-email.ts'
import { accountInstitutionPage } from './account/account-institution.ts'
import { accountNamePage } from './account/account-name.ts'
import { accountPasswordPage } from './account/account-password.ts'
import { accountSecondFactorPage } from './account/account-second-factor.ts'
import { accountSessionEndingActions } from './account/account-session-ending.ts'
import { accountSessionsPage } from './account/account-sessions.ts'
import { emailChangePage } from './account/email-change.ts'
import { notMyAccountPage } from './account/not-my-account.ts'
import { verificationPage } from './account/verification.ts'
import { auditPage } from './audit/audit.ts'
import { authorizePage } from './authorize/authorize.ts'
import { partnerLinkPage } from './authorize/partner-link.ts'
import { ownRefusedPage } from './intake/own-refused.ts'
import { ownRefusedDocumentPage } from './intake/own-refused-document.ts'
import { quarantineDocumentPage } from './intake/quarantine-document.ts'
import { sourcePage } from './intake/source.ts'
import { sourceIntakePages } from './intake/source-intake.ts'
import { sourcePolicyPage } from './intake/source-policy.ts'
import { sourcesPage } from './intake/sources.ts'
import { invitationPage } from './invitation/invitation.ts'
import { invitationAccountPage } from './invitation/invitation-account.ts'
import { ehrLaunchPage } from './launch/ehr-launch.ts'
import { launchedPage } from './launch/launched.ts'
import { launchedTabAction } from './launch/launched-in-frame.ts'
import { colleagueDetailsPage } from './organization/colleague-details.ts'
import { joinPage } from './organization/join.ts'
import { organizationPage } from './organization/organization.ts'
import { organizationAppPage } from './organization/organization-app.ts'
import { organizationAppsPage } from './organization/organization-apps.ts'
import { organizationChangePage } from './organization/organization-change.ts'
import { organizationClosePage } from './organization/organization-close.ts'
import { organizationContactsPage } from './organization/organization-contacts.ts'
import { organizationEhrPage } from './organization/organization-ehr.ts'
import { organizationEhrsPage } from './organization/organization-ehrs.ts'
import { organizationMovePage } from './organization/organization-move.ts'
import { organizationPeoplePage } from './organization/organization-people.ts'
import { organizationPersonPage } from './organization/organization-person.ts'
import { organizationsPage } from './organization/organizations.ts'
import { staffInvitationPage } from './organization/staff-invitation.ts'
import type { AddPage } from './page/add-page.ts'
import { ownReadingPage } from './patient/own-reading.ts'
import { ownReadingsPage } from './patient/own-readings.ts'
import { patientPage } from './patient/patient.ts'
import { patientChangePage } from './patient/patient-change.ts'
import { patientImportPage } from './patient/patient-import.ts'
import { patientImportsPage } from './patient/patient-imports.ts'
import { patientNewPage } from './patient/patient-new.ts'
import { patientRecordPage } from './patient/patient-record.ts'
import { patientsPage } from './patient/patients.ts'
import { sharerPage } from './sharers/sharer.ts'
import { sharersPage } from './sharers/sharers.ts'
import { careCopyPages } from './sharing/care-copy.ts'
import { sharingPage } from './sharing/sharing.ts'
import { sharingBeginPage } from './sharing/sharing-begin.ts'
import { sharingCopyPage } from './sharing/sharing-copy.ts'
import { sharingScanPage } from './sharing/sharing-scan.ts'
import { sharingStudyPage } from './sharing/sharing-study.ts'
import { sharingWithPages } from './sharing/sharing-with.ts'
import { forgottenPasswordPage } from './sign-in/forgotten-password.ts'
import { newAccountPage } from './sign-in/new-account.ts'
import { newPasswordPage } from './sign-in/new-password.ts'
import { secondFactorPage } from './sign-in/second-factor.ts'
import { signInPage } from './sign-in/sign-in.ts'
import { signOutAction } from './sign-in/sign-out.ts'
import { signUpPage } from './sign-in/sign-up.ts'
import { ssoPage } from './sign-in/sso.ts'
import { ssoArrivalPage } from './sign-in/sso-arrival.ts'
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
import { studyParticipantPage } from './study/study-participant.ts'
import { studyPlaceEndPage } from './study/study-place-end.ts'
import { studyQuarantinePage } from './study/study-quarantine.ts'
import { studyWithdrawalPage } from './study/study-withdrawal.ts'
import { studyAccessPage } from './study-settings/study-access.ts'
import { studyDataPage } from './study-settings/study-data.ts'
import { studyFactsPage } from './study-settings/study-facts.ts'
import { studyNewPage } from './study-settings/study-new.ts'
import { studyPaperSettingPage } from './study-settings/study-paper-setting.ts'
import { studyPolicyPage } from './study-settings/study-policy.ts'
import { studyReasonPage } from './study-settings/study-reason.ts'
import { studySettingsPage } from './study-settings/study-settings.ts'
import { studyStaffPage } from './study-settings/study-staff.ts'
import { studyStaffEntryPage } from './study-settings/study-staff-entry.ts'
import { studyStatusPage } from './study-settings/study-status.ts'
import { studyTextPage } from './study-settings/study-text.ts'
import { studyTextDraftPage } from './study-settings/study-text-draft.ts'
import { studyTextVersionPage } from './study-settings/study-text-version.ts'
import { outboxPage } from './system/outbox.ts'
import { systemPage } from './system/system.ts'
import { systemAdministratorsPage } from './system/system-administrators.ts'
import { systemAppPage } from './system/system-app.ts'
import { systemAppsPage } from './system/system-apps.ts'
import { systemEventsPage } from './system/system-events.ts'

/** All pages, in the order of the folders here. Each adds its own routes. */
export const pages: readonly AddPage[] = [
  signInPage,
  secondFactorPage,
  signOutAction,
  signUpPage,
  newAccountPage,
  forgottenPasswordPage,
  newPasswordPage,
  ssoPage,
  ssoArrivalPage,
  accountPage,
  accountNamePage,
  accountEmailPage,
  emailChangePage,
  verificationPage,
  notMyAccountPage,
  accountPasswordPage,
  accountSecondFactorPage,
  accountSessionsPage,
  accountSessionEndingActions,
  accountAppsPage,
  accountInstitutionPage,
  accountEhrsPage,
  accountDisclosuresPage,
  accountContactsPage,
  accountContactPage,
  accountDataPage,
  ownReadingsPage,
  ownReadingPage,
  ownRefusedPage,
  ownRefusedDocumentPage,
  invitationPage,
  invitationAccountPage,
  sharersPage,
  sharerPage,
  sharingPage,
  sharingStudyPage,
  sharingCopyPage,
  sharingScanPage,
  sharingBeginPage,
  sharingWithPages,
  careCopyPages,
  patientsPage,
  patientPage,
  patientNewPage,
  patientChangePage,
  patientRecordPage,
  patientImportsPage,
  patientImportPage,
  studiesPage,
  studyPage,
  studyCompletenessPage,
  studyArrivalsPage,
  studyNotebookPage,
  studyQuarantinePage,
  studyEnrolmentPage,
  studyInvitationActions,
  studyInvitationsPage,
  studyActionPage,
  studyParticipantPage,
  studyPaperPage,
  studyWithdrawalPage,
  studyPlaceEndPage,
  studyNewPage,
  studySettingsPage,
  studyFactsPage,
  studyDataPage,
  studyReasonPage,
  studyStaffPage,
  studyStaffEntryPage,
  studyTextPage,
  studyTextVersionPage,
  studyTextDraftPage,
  studyAccessPage,
  studyPaperSettingPage,
  studyPolicyPage,
  studyStatusPage,
  organizationsPage,
  organizationPage,
  organizationChangePage,
  organizationContactsPage,
  organizationMovePage,
  organizationClosePage,
  organizationPeoplePage,
  organizationPersonPage,
  colleagueDetailsPage,
  staffInvitationPage,
  joinPage,
  organizationAppsPage,
  organizationAppPage,
  organizationEhrsPage,
  organizationEhrPage,
  sourcesPage,
  sourcePage,
  sourcePolicyPage,
  sourceIntakePages,
  quarantineDocumentPage,
  auditPage,
  systemPage,
  systemAdministratorsPage,
  systemAppsPage,
  systemAppPage,
  systemEventsPage,
  outboxPage,
  authorizePage,
  partnerLinkPage,
  ehrLaunchPage,
  launchedPage,
  launchedTabAction,
]
