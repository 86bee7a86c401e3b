import type { ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../src/fhir/canonical.ts'
import { clinicalConsent } from '../support/clinical-consent.ts'
import type { openTenants } from './tenants.ts'

type Role = keyof Awaited<ReturnType<typeof openTenants>>['people'] | 'other patient' | 'researcher'

type Row = {
  /** Who can see it with valid ids. The first of them opens it where only one is needed. */
  readonly may: readonly Role[]
  /** Patients see it, in their language. */
  readonly ofPatients?: true
  /** About something that does not exist in this world: nobody can see it. */
  readonly isNothing?: true
  /** Not a page: a file, a stream, or a redirection to a page. */
  readonly isFile?: true
}

/** Pages that need no sign-in, and pages that are opened with a link or a cookie that only one browser has. */
export const openPages = ['/', '/sign-in', '/sign-up', '/forgotten-password']
export const linkPages = [
  '/authorize/:id',
  '/email-change',
  '/invitation',
  '/invitation/account',
  '/invitation/code',
  '/join',
  '/launch',
  '/launch/:config',
  '/launch/:config/callback',
  '/launched/:arrival',
  '/launched/:arrival/account',
  '/launched/:arrival/patient',
  '/launched/:arrival/tab',
  '/m/phr/cloud-sharing/authorize',
  '/new-account',
  '/new-password',
  '/not-my-account',
  '/outbox',
  '/second-factor',
  '/verification',
]

const registering = ['manager', 'member'] as const
const tree = ['manager', 'manager of the ward', 'member', 'viewer', 'researcher'] as const
const staff = [...tree, 'privacy officer', 'manager of another tenant'] as const
const patients = ['patient', 'other patient'] as const
const everybody = [...patients, ...staff, 'administrator'] as const
const administering = ['manager', 'administrator'] as const
const mailing = [...registering, 'manager of the ward', 'manager of another tenant'] as const

const own: Row = { may: everybody, ofPatients: true }
const ofOrganization: Row = { may: administering }
const ofInstallation: Row = { may: ['administrator'] }
const ofManagers: Row = { may: ['manager', 'manager of the ward', 'manager of another tenant', 'administrator'] }
const ofStudy: Row = { may: registering }

/** Who can see what, page by page. Each new page needs a row. */
export const pageTable: Readonly<Record<string, Row>> = {
  '/account': own,
  '/account/apps': own,
  '/account/apps/own': own,
  '/account/contacts': own,
  '/account/contacts/:record': { may: ['patient'], ofPatients: true },
  '/account/data': own,
  '/account/data/fhir.ndjson': { ...own, isFile: true },
  '/account/data/open-mhealth.json': { ...own, isFile: true },
  '/account/data/readings.csv': { ...own, isFile: true },
  '/account/disclosures': own,
  '/account/ehrs': own,
  '/account/email': own,
  '/account/name': own,
  '/account/password': own,
  '/account/readings': own,
  '/account/readings/:reading': { ...own, isNothing: true },
  '/account/readings/:reading/mark': { ...own, isNothing: true },
  '/account/readings/:reading/unmark': { ...own, isNothing: true },
  '/account/refused': own,
  '/account/refused/:document': { ...own, isNothing: true },
  '/account/refused/:document/remove': { ...own, isNothing: true },
  '/account/second-factor': own,
  '/account/second-factor/off': own,
  '/account/second-factor/recovery-codes': own,
  '/account/second-factor/set-up': own,
  '/account/sessions': own,
  '/account/sessions/end-others': own,
  '/account/sessions/ending': { ...own, isFile: true },
  '/account/sessions/keep': own,
  '/account/verification': own,
  '/sign-out': own,
  '/shared': { may: staff },
  // Given to the lab, and to nobody above or below it.
  '/shared/:consent': { may: ['member', 'manager', 'viewer', 'researcher'] },
  '/sharing': own,
  '/sharing/:study': { may: patients, ofPatients: true },
  '/sharing/:study/paper': { may: patients, ofPatients: true, isNothing: true, isFile: true },
  '/sharing/:study/copy': { may: patients, ofPatients: true },
  '/sharing/:study/decline': { may: patients },
  '/sharing/:study/sign': { may: patients },
  '/sharing/with': { may: patients, ofPatients: true },
  '/sharing/with/organization/:id': { may: patients, ofPatients: true },
  '/sharing/with/organization/:id/copy': { may: patients, ofPatients: true },
  '/sharing/with/organization/:id/decline': { may: patients },
  '/sharing/with/organization/:id/sign': { may: patients },
  '/sharing/with/practitioner/:id': { may: patients, ofPatients: true },
  '/sharing/with/practitioner/:id/copy': { may: patients, ofPatients: true },
  '/sharing/with/practitioner/:id/decline': { may: patients },
  '/sharing/with/practitioner/:id/sign': { may: patients },
  '/audit': { may: ['privacy officer'] },
  '/audit/events.csv': { may: ['privacy officer'], isFile: true },
  '/devices': { may: [...staff, 'administrator'] },
  '/devices/new': ofInstallation,
  '/devices/:device': ofInstallation,
  '/devices/:device/policy': ofInstallation,
  '/devices/:device/quarantine': ofManagers,
  '/devices/:device/quarantine/replay': ofManagers,
  '/devices/:device/restore': ofInstallation,
  '/devices/:device/retire': ofInstallation,
  '/devices/:device/uploads': ofManagers,
  '/quarantine/:document': { ...ofManagers, isNothing: true },
  '/quarantine/:document/remove': { ...ofManagers, isNothing: true },
  '/quarantine/:document/replay': { ...ofManagers, isNothing: true },
  '/system': ofInstallation,
  '/system/administrators': ofInstallation,
  // There is only one, who cannot end their own.
  '/system/administrators/:person': { ...ofInstallation, isNothing: true },
  '/system/apps': ofInstallation,
  // The app of this world belongs to an organization, and is on its page.
  '/system/apps/:app': { ...ofInstallation, isNothing: true },
  '/system/apps/:app/disable': { ...ofInstallation, isNothing: true },
  '/system/apps/:app/enable': { ...ofInstallation, isNothing: true },
  '/system/apps/:app/records-consent': { ...ofInstallation, isNothing: true },
  '/system/events': ofInstallation,
  '/system/events.csv': { ...ofInstallation, isFile: true },
  '/system/retry': ofInstallation,
  '/organizations': { may: [...staff, 'administrator'] },
  '/organizations/new': ofInstallation,
  '/organizations/:organization': { may: [...tree, 'administrator'] },
  '/organizations/:organization/apps': ofOrganization,
  '/organizations/:organization/apps/new': ofOrganization,
  '/organizations/:organization/apps/:app': ofOrganization,
  '/organizations/:organization/apps/:app/disable': ofOrganization,
  '/organizations/:organization/apps/:app/enable': ofOrganization,
  '/organizations/:organization/apps/:app/secret': ofOrganization,
  '/organizations/:organization/change': ofOrganization,
  '/organizations/:organization/close': ofOrganization,
  '/organizations/:organization/contacts': ofOrganization,
  '/organizations/:organization/ehrs': ofOrganization,
  '/organizations/:organization/ehrs/new': ofOrganization,
  '/organizations/:organization/ehrs/:ehr': { ...ofOrganization, isNothing: true },
  '/organizations/:organization/ehrs/:ehr/check': { ...ofOrganization, isNothing: true },
  '/organizations/:organization/ehrs/:ehr/remove': { ...ofOrganization, isNothing: true },
  '/organizations/:organization/invitations/:invitation/again': { ...ofOrganization, isNothing: true },
  '/organizations/:organization/invitations/:invitation/cancel': { ...ofOrganization, isNothing: true },
  // A root cannot be moved.
  '/organizations/:organization/move': { ...ofOrganization, isNothing: true },
  '/organizations/:organization/new': ofOrganization,
  '/organizations/:organization/open': ofOrganization,
  '/organizations/:organization/people': { may: [...tree, 'administrator'] },
  '/organizations/:organization/people/invite': ofOrganization,
  '/organizations/:organization/people/:role': ofOrganization,
  '/organizations/:organization/people/:role/details': ofOrganization,
  '/organizations/:organization/people/:role/remove': ofOrganization,
  '/organizations/:organization/studies/new': ofStudy,
  '/patients': { may: staff },
  '/patients/new': { may: mailing },
  '/patients/:id': { may: [...tree, 'patient'] },
  '/patients/:id/app': { may: [...tree, 'patient'] },
  '/patients/:id/change': ofStudy,
  '/patients/:id/record': ofStudy,
  '/patients/imports': { may: mailing },
  '/patients/imports/template.csv': { may: staff, isFile: true },
  '/patients/imports/:id': { may: registering, isNothing: true },
  '/patients/imports/:id/cancel': { may: registering, isNothing: true },
  '/patients/imports/:id/confirm': { may: registering, isNothing: true },
  '/patients/imports/:id/progress': { may: registering, isNothing: true },
  '/studies': { may: staff },
  '/studies/:id': { may: tree },
  '/studies/:id/actions/:action': { ...ofStudy, isNothing: true },
  '/studies/:id/actions/:action/progress': { ...ofStudy, isNothing: true },
  '/studies/:id/actions/:action/stop': { ...ofStudy, isNothing: true },
  '/studies/:id/arrivals': { may: tree },
  '/studies/:id/completeness': { may: tree },
  '/studies/:id/enrolment': ofStudy,
  '/studies/:id/invitations': ofStudy,
  '/studies/:id/notebook': { may: tree },
  '/studies/:id/notebook/readings.csv': { may: tree, isFile: true },
  '/studies/:id/notebook/readings.ndjson': { may: tree, isFile: true },
  '/studies/:id/people/:subject': { may: tree },
  '/studies/:id/people/:subject/cancel': ofStudy,
  '/studies/:id/people/:subject/code': ofStudy,
  '/studies/:id/people/:subject/end': ofStudy,
  '/studies/:id/people/:subject/invite': ofStudy,
  '/studies/:id/people/:subject/paper': ofStudy,
  '/studies/:id/people/:subject/paper/confirm': ofStudy,
  '/studies/:id/people/:subject/paper/discard': ofStudy,
  '/studies/:id/people/:subject/paper/scan': { ...ofStudy, isNothing: true, isFile: true },
  '/studies/:id/people/:subject/withdrawal': ofStudy,
  '/studies/:id/quarantine': { may: ['manager'] },
  '/studies/:id/quarantine/replay': { may: ['manager'] },
  '/studies/:id/settings': ofStudy,
  '/studies/:id/settings/access': ofStudy,
  '/studies/:id/settings/data': ofStudy,
  '/studies/:id/settings/data/reason': { ...ofStudy, isNothing: true },
  '/studies/:id/settings/data/remove': ofStudy,
  '/studies/:id/settings/facts': ofStudy,
  '/studies/:id/settings/paper': ofStudy,
  '/studies/:id/settings/policy': ofStudy,
  '/studies/:id/settings/staff': ofStudy,
  '/studies/:id/settings/staff/:place': { ...ofStudy, isNothing: true },
  '/studies/:id/settings/staff/:place/remove': { ...ofStudy, isNothing: true },
  '/studies/:id/settings/status': ofStudy,
  '/studies/:id/settings/text': ofStudy,
  '/studies/:id/settings/text/draft/:language': { ...ofStudy, isNothing: true },
  '/studies/:id/settings/text/preview/:language': { ...ofStudy, isNothing: true },
  '/studies/:id/settings/text/publish': ofStudy,
  '/studies/:id/settings/text/recipients': ofStudy,
  '/studies/:id/settings/text/versions/:version': { ...ofStudy, isNothing: true },
}

/** Pages of a study that a manager of an organization above its own can see, even without a place in it. */
export const fromAbove: readonly string[] = [
  '/studies/:id',
  ...Object.keys(pageTable).filter(
    path => path.startsWith('/studies/:id/settings') && pageTable[path]?.isNothing !== true,
  ),
]

type World = Awaited<ReturnType<typeof openTenants>>

/** The world of the table: who is who in it, and which values the parameters of its paths have. */
export const openTable = async (world: World) => {
  const { send, create, update, ann, bob, lab, study, people, browserOf, account, client, patientToken } = world
  const stored: ResearchStudy = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const onPaper = { url: extensions.paperConsent, valueBoolean: true }
  await update(lab.manager, { ...stored, extension: [...(stored.extension ?? []), onPaper] })
  const silent = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Eve' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const unanswered = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${silent.id}` },
  })
  const patient = await patientToken(ann, 'patient/Consent.cruds')
  const toLab = { to: `Organization/${lab.organization}`, kinds: ['omh:heart-rate'] }
  const consent = await create(patient, clinicalConsent(ann, toLab))
  const [subject] = (await send('everything', 'GET', `ResearchSubject?patient=Patient/${ann}`)).json().entry
  const code = 'viewer'
  const role = (
    await send('everything', 'GET', `PractitionerRole?organization=Organization/${lab.organization}&role=${code}`)
  ).json().entry[0].resource
  const device = (await send('everything', 'POST', 'Device', { resourceType: 'Device' })).json()
  const app = await client({ organization: lab.organization, name: 'Study desk' })
  const { id: carer } = await create('everything', { resourceType: 'Practitioner', name: [{ text: 'Cora Vane' }] })
  const { id: practice } = await create('everything', { resourceType: 'Organization', name: 'Practice' })
  for (const patient of [ann, bob])
    for (const to of [`Practitioner/${carer}`, `Organization/${practice}`])
      await create(
        await patientToken(patient, 'patient/Consent.cruds'),
        clinicalConsent(patient, { to, kinds: ['omh:heart-rate'] }),
      )
  const ids: Readonly<Record<string, string>> = {
    ':organization': lab.organization,
    ':app': app.id,
    ':consent': consent.id,
    ':device': device.id,
    ':record': ann,
    ':role': role.id,
    ':study': study.id,
    ':id': study.id,
    ':subject': subject.resource.id,
  }
  const browsers: Readonly<Record<Role, Awaited<ReturnType<typeof browserOf>>>> = {
    ...people,
    'other patient': await browserOf(await account(bob)),
    researcher: await browserOf(study.researcher.person),
  }
  return {
    browsers,
    addressOf: (path: string) =>
      path
        .replace(/^\/patients\/:id/, `/patients/${ann}`)
        .replace('practitioner/:id', `practitioner/${carer}`)
        .replace('organization/:id', `organization/${practice}`)
        .replace(/:subject\/paper/, `${unanswered.id}/paper`)
        .replace(/:\w+/g, one => ids[one] ?? 'nothing'),
  }
}
