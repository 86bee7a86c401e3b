import type { Consent, Extension } from '@medplum/fhirtypes'
import { digestOf } from '../../src/fhir/attachment-digest.ts'
import { extensions, systems } from '../../src/fhir/canonical.ts'
import { startSession } from '../../src/storage/account/session.ts'
import { sql } from '../../src/storage/sql.ts'
import { openBrowser } from '../support/browser.ts'
import { linkIn, openMailbox } from '../support/mailbox.ts'
import { wholeTextIn } from '../support/patient-text.ts'
import { openStudies } from '../support/study.ts'

export const password = 'seven green umbrellas sing'
export const birthDate = '1970-05-31'

const kind = (code: string) => ({ coding: [{ system: systems.omh, code }] })

/** A study that asks for two kinds, one of them from a band, with a text in two languages; and people who are invited to it. */
export const openInvited = async (environment: Readonly<Record<string, string>> = {}, pauseMs = 60_000) => {
  const mailbox = await openMailbox()
  const world = await openStudies({ SMTP_URL: mailbox.url, ...environment }, { pauseMs, retries: 1 })
  const { server, database, create } = world
  const lab = await world.institution('lab')
  const clinic = await world.institution('clinic')
  const band = await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Tidewell band', type: 'model-name' }],
  })
  const text = (version: string): Extension => ({
    url: extensions.patientText,
    extension: [
      { url: 'version', valueString: version },
      ...['en', 'es'].map(language => ({
        url: 'text',
        valueAttachment: wholeTextIn(language, `${{ en: 'We ask', es: 'Le pedimos' }[language]}, version ${version}.`),
      })),
    ],
  })
  const { practitioner, person: researcher } = await colleagueOf(world, lab.organization)
  const study = await create(lab.manager, {
    resourceType: 'ResearchStudy',
    status: 'active',
    title: 'Hearts & steps',
    description: 'How hearts and steps go together',
    sponsor: { reference: `Organization/${lab.organization}` },
    extension: [
      { url: extensions.identity, valueCode: 'identified' },
      {
        url: extensions.requestedData,
        extension: [
          { url: 'kind', valueCodeableConcept: kind('omh:heart-rate') },
          { url: 'source', valueReference: { reference: `Device/${band.id}` } },
        ],
      },
      { url: extensions.requestedData, extension: [{ url: 'kind', valueCodeableConcept: kind('omh:step-count') }] },
      text('1'),
      {
        url: extensions.staff,
        extension: [
          { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
          {
            url: 'role',
            valueCodeableConcept: {
              coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/staff-role', code: 'researcher' }],
            },
          },
        ],
      },
    ],
  })
  const enrolled = async (name: string, more: object = {}, into = study.id) => {
    const patient = await create(lab.manager, {
      resourceType: 'Patient' as const,
      name: [{ text: name }],
      birthDate,
      telecom: [{ system: 'email' as const, value: `${name.toLowerCase()}@example.org` }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
      ...more,
    })
    const { id: subject } = await enrol(patient.id, into)
    return { patient, subject, email: `${name.toLowerCase()}@example.org` }
  }
  const enrol = (patient: string, into = study.id) =>
    create(lab.manager, {
      resourceType: 'ResearchSubject',
      status: 'candidate',
      study: { reference: `ResearchStudy/${into}` },
      individual: { reference: `Patient/${patient}` },
    })

  let network = 0
  /** In a network of its own, and with a language. */
  const browser = (language = 'en') => {
    network += 1
    return openBrowser(server, {
      remoteAddress: `10.4.${network >> 8}.${network & 255}`,
      headers: { 'accept-language': language },
    })
  }
  const browserOf = async (person: string, language?: string) => {
    const own = browser(language)
    own.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
    return own
  }
  const staff = await browserOf(researcher)
  const page = `/studies/${study.id}`
  const act = (subject: string, action: 'invite' | 'cancel' | 'code', by = staff) =>
    by.send(page, {}, `${page}/people/${subject}/${action}`)
  /** Invites; answers the path of the link in the letter, whoever else may be written to at the same time. */
  const invite = async (subject: string): Promise<string> => {
    await act(subject, 'invite')
    const { address } = await database.one<{ address: string }>(sql.fragment`
      SELECT message.address FROM invitation JOIN study_message AS message ON message.invitation = invitation.id
      WHERE invitation.subject = ${subject} AND message.channel = 'email' ORDER BY message.made_at DESC LIMIT 1`)
    return linkIn(await mailbox.next(({ to, text }) => to === address && text.includes('/invitation?link=')))
  }
  const codeIn = async (): Promise<string> =>
    sentCode
      .exec((await mailbox.next(({ text }) => sentCode.test(text))).text)
      ?.slice(1)
      .find(Boolean) ?? ''
  /** Up to the proof. */
  const prove = async (link: string, own = browser(), born = birthDate) => {
    await own.send(link, {}, '/invitation/code')
    const answer = await own.send(`${link}&sent=`, { birthDate: born, code: await codeIn() }, '/invitation')
    return { browser: own, answer }
  }
  /** Somebody who joined with an invitation, and is signed in. */
  const arrived = async (name: string) => {
    const one = await enrolled(name)
    const { browser: own } = await prove(await invite(one.subject))
    await own.send('/invitation/account', { name, password })
    return { ...one, browser: own }
  }
  const close = async () => {
    await server.close()
    await mailbox.close()
  }
  return {
    ...world,
    mailbox,
    lab,
    clinic,
    band: band.id,
    study,
    /** Another version, with what is given. */
    addStudy: world.study,
    text,
    page,
    enrolled,
    enrol,
    browser,
    browserOf,
    staff,
    researcher,
    act,
    invite,
    codeIn,
    prove,
    arrived,
    close,
  }
}

/** A Consent to the first text of a study, as an app of the patient's would write it: it shares steps, or nothing. */
export const answerOf = (
  { study, text }: Pick<Awaited<ReturnType<typeof openInvited>>, 'study' | 'text'>,
  patient: string,
  status: 'active' | 'rejected' = 'active',
): Consent => {
  const [one] = text('1').extension?.filter(({ url }) => url === 'text') ?? []
  return {
    resourceType: 'Consent',
    status,
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext',
        valueReference: { reference: `ResearchStudy/${study.id}` },
      },
    ],
    scope: { coding: [{ code: 'research' }] },
    category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
    patient: { reference: `Patient/${patient}` },
    dateTime: '2026-01-01T00:00:00Z',
    sourceAttachment: { hash: digestOf('sha1', one?.valueAttachment?.data ?? '') },
    policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
    provision: {
      type: 'deny',
      ...(status === 'active' && {
        provision: [{ type: 'permit', code: [kind('omh:step-count')], dataPeriod: { start: '2020-01-01' } }],
      }),
    },
  }
}

const sentCode = /is (\d{6})\.|es (\d{6})\./

type World = Awaited<ReturnType<typeof openStudies>>

type Colleague = { readonly name?: string; readonly role?: 'manager' | 'member' | 'viewer' }

/** Somebody of the organization, with an account. */
export const colleagueOf = async (
  { create }: Pick<World, 'create'>,
  organization: string,
  { name = 'Rita Research', role = 'member' }: Colleague = {},
) => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: name }] })
  const practitioner = { reference: `Practitioner/${id}` }
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${organization}` },
    code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: role }] }],
  })
  const person = await create('everything', {
    resourceType: 'Person',
    name: [{ text: name }],
    link: [{ target: practitioner }],
  })
  return { practitioner: id, person: person.id }
}
