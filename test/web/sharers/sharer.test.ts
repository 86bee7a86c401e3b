import t from 'tap'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { wordsOf } from '../../support/browser.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import { chartsOf, openSharers } from './sharers-world.ts'

const world = await openSharers()
const { server, ann, account, browserOf, clinician, create, database, lab, patient, patientToken } = world
t.teardown(() => server.close())
t.setTimeout(120_000)
const [heart, weight] = ['omh:heart-rate', 'omh:body-weight']

t.test('it shows what the Consent gives, who gives it, and charts of that', async t => {
  const { browser, practitioner } = await clinician()
  const one = await patient('Hidden')
  const consent = await one.give({ to: practitioner, kinds: [heart], display: 'Ada Lovelace' })
  await one.measure('8867-4', '2026-03-01T12:00:00Z', 61, '/min')
  await one.measure('29463-7', '2026-03-01T12:00:00Z', 71, 'kg')
  const page = `/shared/${consent.id}`
  const shown = await browser.get(`${page}?back=%2Fshared%3Ffind%3Dada`)
  t.equal(shown.status, 200)
  t.match(shown.body, '<title>Ada Lovelace')
  t.notMatch(shown.body, 'Hidden')
  t.match(
    wordsOf(shown),
    /Ada Lovelace .*Shared with you Since .* Until the patient ends it The name is as it was given with the consent\. You do not see the patient’s record\. Their code is [0-9A-F]{8}\. What you can see Heart rate, from any device: measured from 1 January 2000 \(UTC\) Measurements You see what the patient shares with you at this moment\./,
  )
  t.same(chartsOf(shown), [['Heart rate', [61]]])
  t.match(shown.body, `action="${page}"`, 'other days are on the same page')
  t.match(shown.body, '<a href="/shared?find=ada">Back to all who share with you</a>')
  t.match(
    wordsOf(await browser.get(`${page}?first=tomorrow`)),
    'Enter a day that exists, with its month as a word, such as 31 March 2026.',
  )
  const { provision } = consent
  const [permit] = provision?.provision ?? []
  const scale = [{ coding: [{ system: 'https://w3id.org/openmhealth', code: weight }] }]
  await one.change(consent, {
    dateTime: new Date().toISOString(),
    provision: { ...provision, provision: [{ ...permit, type: 'permit', code: scale }] },
  })
  t.same(chartsOf(await browser.get(page)), [['Weight', [71]]], 'what is withdrawn is gone with the next request')
})

t.test('to somebody who may not read the record, no device says whose it is', async t => {
  const { browser, practitioner } = await clinician()
  const one = await patient('Hidden')
  const consent = await one.give({ to: practitioner, kinds: ['omh:body-height'] })
  const source = await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Lumina rule', type: 'user-friendly-name' }],
  })
  const own = await create(one.self, {
    resourceType: 'Device',
    patient: { reference: `Patient/${one.id}` },
    parent: { reference: `Device/${source.id}` },
    deviceName: [{ name: 'Rule of Pia Hidden', type: 'user-friendly-name' }],
  })
  await one.measure('8302-2', '2026-03-01T12:00:00Z', 171, 'cm', own.id)
  const shown = await browser.get(`/shared/${consent.id}`)
  t.match(wordsOf(shown), '171 cm 1 March 2026 12:00 Lumina rule')
  t.notMatch(shown.body, 'Pia')
})

t.test('what the reader knows from a study, or by another Consent, is not among it', async t => {
  const { browser, practitioner } = await clinician()
  const anns = await patientToken(ann, 'patient/*.cruds patient/Consent.cruds')
  const toMe = await create(anns, clinicalConsent(ann, { to: practitioner, kinds: [weight] }))
  const toUs = await create(
    anns,
    clinicalConsent(ann, { to: `Organization/${lab.organization}`, kinds: ['omh:step-count'] }),
  )
  const measured = (code: string, value: number, unit: string) =>
    create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code }] },
      subject: { reference: `Patient/${ann}` },
      effectiveDateTime: '2026-03-01T12:00:00Z',
      valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
    })
  await measured('8867-4', 61, '/min')
  await measured('29463-7', 71, 'kg')
  await measured('55423-8', 800, '{steps}')
  const drawn = async (at: string) => chartsOf(await browser.get(at)).map(([title]) => title)
  t.same(await drawn(`/patients/${ann}`), ['Heart rate', 'Steps', 'Weight'])
  t.same(await drawn(`/shared/${toMe.id}`), ['Weight'])
  t.same(await drawn(`/shared/${toUs.id}`), ['Steps'])
  const { body } = await browser.get(`/shared/${toUs.id}`)
  t.match(body, `<a href="/patients/${ann}?back=%2Fshared%2F${toUs.id}">The patient’s page</a>`)
  t.match(body, '<dt>Shared with</dt><dd>lab</dd>')
  t.match(
    (await browser.get(`/patients/${ann}?back=%2Fshared%2F${toUs.id}`)).body,
    `<a href="/shared/${toUs.id}">Back to what they share</a>`,
  )
})

t.test('a Consent to a study, one that is not theirs, and none at all look the same', async t => {
  const { browser } = await clinician()
  const { practitioner: another } = await clinician()
  const { give } = await patient('Elsewhere')
  const { id: theirs } = await give({ to: another, kinds: [heart] })
  const { entry } = (await world.send('everything', 'GET', `Consent?patient=Patient/${world.bob}`)).json()
  const anonymous = ({ status, body }: { status: number; body: string }) => [
    status,
    body.replace(/name="_csrf" value="[^"]*"/, ''),
  ]
  const none = anonymous(await browser.get('/shared/nothing-of-the-kind'))
  t.equal(none[0], 404)
  t.match(
    none[1],
    /Nothing is shared with you here.*the patient has stopped sharing it.*<a href="\/shared">Shared with me<\/a>/s,
  )
  for (const id of [theirs, entry[0].resource.id]) t.strictSame(anonymous(await browser.get(`/shared/${id}`)), none)
})

t.test('the patient sees who looked, and at what', async t => {
  const { browser, practitioner } = await clinician()
  const one = await patient('Looked')
  const { id } = await one.give({ to: practitioner, kinds: [heart] })
  await one.measure('8867-4', '2026-03-01T12:00:00Z', 61, '/min')
  const own = await browserOf(await account(one.id))
  const told = async () => {
    await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
    return wordsOf(await own.get('/account/disclosures'))
  }
  t.notMatch(await told(), 'viewer')
  await browser.get('/shared')
  t.match(
    await told(),
    /viewer through the pages of this server Looked for: (your consent and Heart rate|Heart rate and your consent)/,
  )
  await browser.get(`/shared/${id}`)
  t.match(await told(), /Your consent allowed it/)
})
