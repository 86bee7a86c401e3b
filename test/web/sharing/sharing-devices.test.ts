import type { Consent, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { band, consentsOf, create, readOf, server, sign, somebody, study } = world
t.teardown(world.close)
t.setTimeout(120_000)

const page = `/sharing/${study.id}`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const ofBand = `${steps}-of-${band}`
const from = { [`${steps}-from`]: '2026-01-01', timezone: 'UTC' }

const sourceOf = (name: string, ...kinds: readonly string[]) =>
  create('everything', {
    resourceType: 'Device',
    deviceName: [{ name, type: 'user-friendly-name' }],
    extension: kinds.map(code => ({ url: extensions.deliveredData, valueCoding: { system: systems.omh, code } })),
  })
const watch = await sourceOf('Agile watch', 'omh:step-count')
await sourceOf('Sugar patch', 'omh:blood-glucose')

/** Somebody who has worn the band. */
const wearer = async (name: string) => {
  const one = await somebody(name)
  const patient = { reference: `Patient/${one.patient.id}` }
  await create(one.self, { resourceType: 'Device', patient, parent: { reference: `Device/${band}` } })
  return one
}
const sourcesIn = ({ provision }: Consent) =>
  provision?.provision?.map(({ code, data }) => [code?.[0]?.coding?.[0]?.code, data?.[0]?.reference.reference])

t.test(
  'what is asked for from any device can be shared from some alone: one’s own, or others that deliver it',
  async t => {
    const { browser: own } = await wearer('Dora')
    t.match(
      wordsOf(await own.get(page)),
      'Step count, from any device Share it Share it from these devices alone: Tidewell band Agile watch Do not share it',
    )
    t.notMatch((await own.get(page)).body, / checked/, 'nothing is chosen beforehand')
    t.match(
      wordsOf(await own.get(page)),
      'Heart rate, from Tidewell band Share it Do not share it',
      'where one device is asked for, there is no other',
    )
  },
)

t.test('then the study reads what came from these, and nothing else', async t => {
  const { browser: own, patient, measure } = await wearer('Ela')
  const readings = await measure(['2026-02-01'])
  const { preview, answer } = await sign(own, { [hearts]: 'no', [steps]: 'some', [ofBand]: 'yes', ...from })
  t.match(
    wordsOf(preview),
    /Step count, from Tidewell band: measured from 1 January 2026 \(UTC\)\. So far there is 1 reading/,
  )
  t.notMatch(wordsOf(preview), 'Step count, from any device')
  t.match(answer, { status: 303, location: /done=signed/ })
  const [consent] = await consentsOf(patient.id)
  t.same(consent && sourcesIn(consent), [['omh:step-count', `Device/${band}`]])
  const isOfBand = ({ code, device }: Observation) => code.coding?.[0]?.code === '55423-8' && device !== undefined
  t.same(
    await readOf(patient.id),
    readings.filter(isOfBand).map(({ id }) => id),
  )
  t.match(wordsOf(await own.get('/sharing')), 'Step count, from Tidewell band: measured from 1 January 2026 (UTC)')
})

t.test('whoever comes back finds the same devices and days, and may add another', async t => {
  const { browser: own, patient } = await wearer('Fia')
  await sign(own, { [hearts]: 'no', [steps]: 'some', [ofBand]: 'yes', ...from })
  const { body } = await own.get(`${page}?timezone=UTC`)
  t.match(body, `value="some" checked>`)
  t.match(body, `name="${ofBand}" value="yes" checked>`)
  t.notMatch(body, `name="${steps}-of-${watch.id}" value="yes" checked>`)
  t.match(body, new RegExp(`name="${steps}-from"[^>]*value="1 January 2026"`))
  const both = { [ofBand]: 'yes', [`${steps}-of-${watch.id}`]: 'yes' }
  await sign(own, { [hearts]: 'no', [steps]: 'some', ...both, ...from })
  const [consent] = await consentsOf(patient.id)
  t.same(consent && sourcesIn(consent), [
    ['omh:step-count', `Device/${band}`],
    ['omh:step-count', `Device/${watch.id}`],
  ])
  t.match(
    wordsOf(await own.get('/sharing')),
    /Step count, from Agile watch: .* Step count, from Tidewell band: /,
    'they are listed by name',
  )
})

t.test('a choice without a device, or against one, is reported at the line', async t => {
  const { browser: own } = await wearer('Gil')
  const told = async (fields: Readonly<Record<string, string>>) => {
    const shown = await own.send(page, { [hearts]: 'no', ...fields, ...from }, page)
    return [shown.status, wordsOf(shown)]
  }
  t.match(await told({ [steps]: 'some' }), [422, 'Tick the devices from which you share it, for Step count'])
  t.match(await told({ [steps]: 'yes', [ofBand]: 'yes' }), [
    422,
    'Say whether you share it from any device, or only from those that are ticked, for Step count',
  ])
  const unknown = { [steps]: 'some', [`${steps}-of-elsewhere`]: 'yes' }
  t.match(await told(unknown), [422, 'Tick the devices'], 'a device that is not offered is none')
})

t.test('a device that is ticked beside “no” is asked about, and stays ticked', async t => {
  const { browser: own } = await wearer('Hal')
  const sent = { [hearts]: 'no', [steps]: 'no', [ofBand]: 'yes', ...from }
  const shown = await own.send(page, sent, page)
  t.equal(shown.status, 422)
  t.match(wordsOf(shown), 'Say whether you share it from the devices that are ticked, or not at all, for Step count')
  t.notMatch(wordsOf(shown), 'You have chosen to share nothing')
  t.match(shown.body, `name="${ofBand}" value="yes" checked>`)
  t.match(shown.body, `name="${steps}" value="no" checked>`)
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of own.cookies) spanish.cookies.set(name, value)
  t.match(
    wordsOf(await spanish.send(page, sent, page)),
    'Indique si comparte solo lo de los aparatos marcados o no comparte nada: Número de pasos',
  )
})

t.test('whoever stops sharing from a device need not untick it', async t => {
  const { browser: own } = await wearer('Ivy')
  await sign(own, { [hearts]: 'yes', [steps]: 'some', [ofBand]: 'yes', ...from })
  const { preview } = await sign(own, { [hearts]: 'yes', [steps]: 'no', [ofBand]: 'yes', ...from })
  t.match(wordsOf(preview), /What ends if you sign .* Step count, from Tidewell band: measured from 1 January 2026/)
})
