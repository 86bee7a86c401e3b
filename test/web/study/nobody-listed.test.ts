import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { wordsOf } from '../../support/browser.ts'
import { staffEntry } from '../../support/study.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { send, update, lab, clinic, people, staff, browserOf } = world
t.teardown(() => world.server.close())

const { id } = await world.newStudy(lab.manager, lab.organization, 'nights', ['omh:heart-rate'])
await world.participant(lab.manager, lab.organization, id, ['omh:heart-rate'], 'Nina')
const person = await staff(clinic.organization, 'member')
const elsewhere = await browserOf(person)
const { link } = (await send('everything', 'GET', `Person/${person}`)).json()
const practitioner: string = link[0].target.reference
const stored = async (): Promise<ResearchStudy> => (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
/** Says in each text of the study that these receive what is shared by it. */
const naming = async (...recipients: readonly string[]) => {
  const { extension = [], ...study } = await stored()
  const named = recipients.map(reference => ({ url: 'recipient', valueReference: { reference } }))
  return {
    ...study,
    extension: extension.map(one =>
      one.url === extensions.patientText
        ? { ...one, extension: [...(one.extension ?? []).filter(({ url }) => url !== 'recipient'), ...named] }
        : one,
    ),
  }
}

t.test('somebody from elsewhere whom no signed text names is told why they see nobody', async t => {
  await update('everything', await naming(`Organization/${lab.organization}`))
  const { extension = [], ...study } = await stored()
  await update('everything', { ...study, extension: [...extension, staffEntry(practitioner.split('/')[1] ?? '')] })
  const why =
    /Nobody is in this study yet, as far as you can see\. You work in another organization, so you are shown only those who sign a version of the text that names you\. The one that they sign now does not; the next that is published will\./
  for (const page of ['', '/completeness']) t.match(wordsOf(await elsewhere.get(`/studies/${id}${page}`)), why, page)
  t.notMatch(wordsOf(await elsewhere.get(`/studies/${id}?find=nina`)), /You work in another organization/)
})

t.test('nobody who works in the organization of a study is told that', async t => {
  const empty = await world.newStudy(lab.manager, lab.organization, 'days', ['omh:heart-rate'])
  const shown = wordsOf(await people.member.get(`/studies/${empty.id}`))
  t.match(shown, /Nobody is in this study yet/)
  t.notMatch(shown, /You work in another organization/)
})
