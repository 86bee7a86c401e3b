import type { AddressInfo } from 'node:net'
import t from 'tap'
import { organizationRole } from '../../src/access/vocabulary.ts'
import { extensions, systems } from '../../src/fhir/canonical.ts'
import { startSession } from '../../src/storage/account/session.ts'
import { sql } from '../../src/storage/sql.ts'
import { openStudies } from '../support/study.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('two of the staff take a consent on paper with the keyboard alone', { skip: whyNoChromium() }, async t => {
  const world = await openStudies()
  const { server, database, create, update, send, institution } = world
  const lab = await institution('lab')
  const study = await world.study(lab.manager, lab.organization, 'hearts', ['omh:heart-rate'])
  await database.run(
    sql.fragment`UPDATE research_study SET last_updated = '2026-02-01T12:00:00Z' WHERE id = ${study.id}`,
  )
  const coordinator = async (name: string) => {
    const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: name }] })
    const practitioner = { reference: `Practitioner/${id}` }
    const { id: person } = await create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
    await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${lab.organization}` },
      code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
    })
    return { id, session: await startSession(database, { person, methods: ['pwd'], device: 'Test' }) }
  }
  const [cora, dora] = [await coordinator('Cora'), await coordinator('Dora')]
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const staff = [cora, dora].map(({ id }) => ({
    url: extensions.staff,
    extension: [
      { url: 'practitioner', valueReference: { reference: `Practitioner/${id}` } },
      { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: 'coordinator' }] } },
    ],
  }))
  await update(lab.manager, {
    ...stored,
    extension: [...stored.extension, ...staff, { url: extensions.paperConsent, valueBoolean: true }],
  })
  const { id: patient } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Bea' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${patient}` },
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const openBrowser = await openChromium(t)
  const signedIn = async ({ session }: typeof cora, at = `/studies/${study.id}`) => {
    const opened = await openBrowser()
    await opened.context.addCookies([{ name: 'sharewell-session', value: session, url: base }])
    await opened.page.goto(`${base}${at}`)
    return opened
  }
  const focused = ({ page }: Awaited<ReturnType<typeof signedIn>>) => page.evaluate('document.activeElement.innerText')

  const first = await signedIn(cora)
  const own = byKeyboard(first)
  await own.press(/^Record a consent on paper/)
  await look(t, first, 'paper-to-record')
  await own.type('Date on the paper', '2026-03-01')
  // A file can be chosen with the keyboard, but only in a window of the browser itself.
  await first.page
    .locator('input[type=file]')
    .setInputFiles({ name: 'scan.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7') })
  await own.toggle('It is shared')
  await own.press('Record the consent')
  t.match(await focused(first), /^It is recorded/)

  const second = await signedIn(dora, '/account')
  const other = byKeyboard(second)
  await look(t, second, 'paper-waiting')
  await other.press('hearts: a consent on paper to check')
  await other.press(/^Check what they signed on paper: Bea/)
  await look(t, second, 'paper-to-confirm')
  await other.toggle('Read version 1')
  t.ok(await second.page.getByText('We ask you to share what you measure.').isVisible())
  await other.press('Confirm that this was signed')
  t.match(await focused(second), /confirmed/)
  await look(t, second, 'paper-confirmed')
})
