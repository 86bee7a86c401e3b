import type { Extension } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { disableClient } from '../../../src/storage/authorization/client-registration.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { keepService } from '../../support/keep-service.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { administrator, band, browser, clinic, create, database, enrol, lab, send, sign, somebody, study, token } = world
t.teardown(world.close)
t.setTimeout(280_000)

const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const both = { [hearts]: 'yes', [`${hearts}-from`]: '2020-01-01', [steps]: 'yes', [`${steps}-from`]: '2020-01-01' }
const people = /These people (.*?) People may look with an app\. It sees no more than whoever uses it\. These readings/

const service = (id: string, scope: string, organization = lab.organization) =>
  keepService(database, { id, scope, organization })
/** A study like the first, with these extensions in place of its own. */
const studyWith = async (...changed: readonly Extension[]) => {
  const asked = studyAnew((await send('everything', 'GET', `ResearchStudy/${study.id}`)).json())
  const urls = changed.map(({ url }) => url)
  const others = asked.extension.filter(({ url }: Extension) => !urls.includes(url))
  const { meta, ...made } = await create(lab.manager, { ...asked, extension: [...others, ...changed] })
  return made
}
const asks = async (into: { readonly id: string }, name: string) => {
  const one = await somebody(name)
  if (into.id !== study.id) await enrol(one.patient.id, into.id)
  const page = `/sharing/${into.id}`
  const preview = (choices: Readonly<Record<string, string>> = both, own: Browser = one.browser) =>
    own.send(page, choices, page)
  return { ...one, page, preview }
}
const shown = async (answer: Promise<{ readonly body: string }>) => people.exec(wordsOf(await answer))?.[1]

t.test('a service that reads without a person is named with what it could read, and reads just that', async t => {
  const closed = await studyWith({ url: extensions.access, valueCode: 'staff' })
  const { browser: own, measure, page, patient, preview } = await asks(closed, 'Ada')
  const facts = (await own.get(page)).body
  t.match(wordsOf({ body: facts }), /Who could see it the staff of the study alone What it knows of you/)
  t.equal(await shown(preview()), 'Rita Research No service of lab reads by itself, without a person, at the moment.')
  await service('Night job', 'system/Observation.rs?code=omh:step-count')
  await service('All job', 'system/*.rs')
  await service('Writer', 'system/Observation.cud system/Device.rs user/Observation.rs')
  await service('Sleep job', 'system/Observation.rs?code=omh:sleep-duration')
  await service('Job elsewhere', 'system/Observation.rs', clinic.organization)
  await service('Old job', 'system/Observation.rs')
  await disableClient(database, 'Old job', 'organization')
  await registerClient(database, { id: 'cron', name: 'cron', organization: lab.organization, policies: [] })
  t.match(
    wordsOf(await own.get(page)),
    /Who could see it of people, the staff of the study alone and services of lab that read by themselves, without a person: All job and Night job /,
  )
  const all = 'All job, a service of lab that reads by itself, without a person'
  const night =
    'Night job, a service of lab that reads by itself, without a person, but only: Step count, from any device'
  t.equal(await shown(preview()), `Rita Research ${all} ${night}`)
  t.equal(await shown(preview({ ...both, [steps]: 'no' })), `Rita Research ${all}`)
  const cron = await token({ subject: { kind: 'client' }, client: 'cron', scope: 'system/Observation.s' })
  t.equal(
    await shown(preview()),
    `Rita Research ${all} ${night} cron, a service of lab that reads by itself, without a person`,
    'so is one whose token comes from the command line',
  )
  await sign(own, both, closed.id)
  await measure(['2026-02-01'])
  const readBy = async (bearer: string) =>
    (await send(bearer, 'GET', `Observation?patient=Patient/${patient.id}&_total=accurate`)).json().total
  const bearer = (client: string, scope: string) => token({ subject: { kind: 'client' }, client, scope })
  t.equal(await readBy(await bearer('All job', 'system/*.rs')), 3)
  t.equal(await readBy(await bearer('Night job', 'system/Observation.rs?code=omh:step-count')), 2)
  t.equal(await readBy(cron), 3)
  t.equal(await readBy(await bearer('Job elsewhere', 'system/Observation.rs')), 0)
})

t.test('a service that is registered while somebody decides is shown before anything is signed', async t => {
  const { browser: own, page, preview } = await asks(study, 'Eda')
  const { body } = await preview()
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
  await service('New job', 'system/Observation.rs')
  const answer = await own.post(`${page}/sign`, { ...hidden, name: 'Eda' })
  t.match([answer.status, wordsOf(answer)], [409, /What the study says of itself has changed .*New job/])
})

t.test('staff are named; who has given no name is told of by their role, and who works elsewhere as that', async t => {
  const staff = (practitioner: string, role?: string): Extension => ({
    url: extensions.staff,
    extension: [
      { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
      ...(role === undefined
        ? []
        : [
            {
              url: 'role',
              valueCodeableConcept: {
                coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/staff-role', code: role }],
              },
            },
          ]),
    ],
  })
  const nameless = await create(lab.manager, { resourceType: 'Practitioner' })
  await create(administrator, {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${nameless.id}` },
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: 'member' }] }],
  })
  const stranger = await create(clinic.manager, { resourceType: 'Practitioner' })
  const guest = await create(clinic.manager, { resourceType: 'Practitioner', name: [{ text: 'Gus Guest' }] })
  const made = await studyWith(
    { url: extensions.access, valueCode: 'staff' },
    staff(nameless.id, 'investigator'),
    staff(stranger.id),
    staff(guest.id, 'collaborator'),
  )
  const { browser: own, preview } = await asks(made, 'Ida')
  const read = await shown(preview())
  for (const told of [
    'An investigator of the study, of lab (no name given)',
    'Somebody on the staff of the study, from another organization (no name given)',
    'Gus Guest, from another organization',
  ])
    t.ok(read?.includes(told), `${told}: ${read}`)
  const spanish = browser('es')
  spanish.cookies.set('sharewell-session', own.cookies.get('sharewell-session') ?? '')
  const leido = wordsOf(await preview(both, spanish))
  for (const told of [
    'Una persona que dirige el estudio, de lab (no ha dado su nombre)',
    'Una persona del personal del estudio, de otra organización (no ha dado su nombre)',
    'Gus Guest, de otra organización',
    'All job, un servicio de lab que lee por sí mismo, sin que intervenga una persona',
  ])
    t.ok(leido.includes(told), `${told}: ${leido}`)
})

t.test('whom the text does not name as a recipient from elsewhere is not told of, since they read nothing', async t => {
  const collaborator = async (name: string) => {
    const { id } = await create(clinic.manager, { resourceType: 'Practitioner', name: [{ text: name }] })
    return { reference: `Practitioner/${id}` }
  }
  const [named, unnamed] = [await collaborator('Nia Named'), await collaborator('Uma Unnamed')]
  const { extension = [] } = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const text = extension.find(({ url }: Extension) => url === extensions.patientText)
  const recipients = [{ reference: `Organization/${lab.organization}` }, named].map(valueReference => ({
    url: 'recipient',
    valueReference,
  }))
  const staff = [named, unnamed].map(valueReference => ({
    url: extensions.staff,
    extension: [{ url: 'practitioner', valueReference }],
  }))
  const made = await studyWith(
    { url: extensions.access, valueCode: 'staff' },
    { ...text, extension: [...text.extension, ...recipients] },
    ...staff,
  )
  const { preview } = await asks(made, 'Ina')
  t.match(await shown(preview()), /^Nia Named, from another organization All job, a service/)
})

t.test('the page says whether the study knows its people by name, and who knows them in any case', async t => {
  const named = await asks(study, 'Ola')
  t.match(
    wordsOf(await named.browser.get(named.page)),
    /What it knows of you once you have agreed, your name, your birth date and how to reach you lab, where you are registered, knows who you are in any case If you stop/,
  )
  const coded = await asks(await studyWith({ url: extensions.identity, valueCode: 'coded' }), 'Ula')
  t.match(wordsOf(await coded.preview()), /What it knows of you The study knows you by a code, and not by your name\./)
  t.match(
    wordsOf(await coded.browser.get(coded.page)),
    /What it knows of you a code in place of your name; it may note your gender and the year of your birth beside it lab, where you are registered, knows who you are in any case If you stop/,
  )
})
