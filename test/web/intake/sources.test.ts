import type { Device } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const { server, create, send, ann, study, people } = await openTenants()
const { administrator, manager } = people
t.teardown(() => server.close())

const named = async (name: string): Promise<Device> => {
  const { entry } = (await send('everything', 'GET', `Device?device-name=${encodeURIComponent(name)}`)).json()
  return entry[0].resource
}
const delivered = (code: string) => ({ url: extensions.deliveredData, valueCoding: { system: systems.omh, code } })
const add = (fields: Readonly<Record<string, string | readonly string[]>>) =>
  administrator.send('/devices/new', { name: '', manufacturer: '', model: '', ...fields })

t.test('an administrator says which sources there are, what each delivers, and which are retired', async t => {
  t.match(wordsOf(await administrator.get('/devices')), /There are none yet\. Add the devices and apps/)
  const kind = ['omh:heart-rate', 'omh:step-count', 'omh:unheard-of']
  t.match(await add({ name: ' Tidewell band ', manufacturer: 'Tidewell', model: 'B-2', kind }), {
    status: 303,
    location: '/devices?done=made',
  })
  t.match(
    wordsOf(await administrator.get('/devices?done=made')),
    /It has been added\. .* Tidewell band Tidewell, B-2 Heart rate, Step count Data received from it Data received from no /,
  )
  const band = await named('Tidewell band')
  t.match(band, {
    resourceType: 'Device',
    status: /^active$/,
    deviceName: [{ name: 'Tidewell band', type: 'model-name' }],
    manufacturer: 'Tidewell',
    modelNumber: 'B-2',
    extension: [delivered('omh:heart-rate'), delivered('omh:step-count')],
    patient: undefined,
  })
  const page = `/devices/${band.id}`
  const shown = await administrator.get(page)
  t.match(shown.body, 'name="kind" value="omh:heart-rate" checked')
  const changed = { name: 'Tidewell band', manufacturer: '', model: '', kind: 'omh:heart-rate' }
  t.match(await administrator.send(page, changed), { status: 303, location: '/devices?done=changed' })
  t.match(await named('Tidewell band'), { extension: [delivered('omh:heart-rate')], manufacturer: undefined })
  const version = /name="version" value="([^"]*)"/.exec(shown.body)?.[1] ?? ''
  const late = await administrator.send(page, { ...changed, name: 'Late', kind: 'omh:step-count', version })
  t.equal(late.status, 409)
  t.match(
    wordsOf(late),
    /Somebody else has changed this since .* Name Now it says: Tidewell band Manufacturer Optional .* limit nothing\. Now it says: Heart rate /,
  )
  t.match(late.body, 'value="Late"')
  t.equal((await administrator.send(page, { version }, `${page}/retire`)).status, 409)
  t.match(await administrator.send(page, {}, `${page}/retire`), { status: 303, location: '/devices?done=retired' })
  t.equal((await named('Tidewell band')).status, 'inactive')
  t.match(wordsOf(await manager.get('/devices')), /Tidewell band Retired Heart rate/)
  t.notMatch(
    (await manager.get(`/studies/${study.id}/settings/data`)).body,
    'Tidewell band',
    'no study asks for it anew',
  )
  const asking = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const asksForBand = {
    url: extensions.requestedData,
    extension: [
      { url: 'kind', valueCodeableConcept: { coding: [{ system: systems.omh, code: 'omh:heart-rate' }] } },
      { url: 'source', valueReference: { reference: `Device/${band.id}` } },
    ],
  }
  await send('everything', 'PUT', `ResearchStudy/${study.id}`, {
    ...asking,
    extension: [...asking.extension, asksForBand],
  })
  t.match(wordsOf(await manager.get(`/studies/${study.id}/settings/data`)), /From Tidewell band \(retired\)\./)
  await send('everything', 'PUT', `ResearchStudy/${study.id}`, asking)
  t.match(await administrator.send(page, {}, `${page}/restore`), { status: 303, location: '/devices?done=restored' })
  t.match((await manager.get(`/studies/${study.id}/settings/data`)).body, 'Tidewell band')
})

t.test('what extensions say of a name or model stays with it, and goes when that is changed', async t => {
  const said = (valueString: string) => ({ extension: [{ url: 'http://example.org/said', valueString }] })
  const name = { name: 'Lumen ring', type: 'user-friendly-name', _name: said('a trademark') }
  const maker = { manufacturer: 'Lumen', _manufacturer: said('since 2020') }
  const model = { modelNumber: 'R-1', _modelNumber: said('engraved') }
  const { id } = await create('everything', {
    resourceType: 'Device',
    deviceName: [name],
    ...maker,
    ...model,
  } as unknown as Device)
  const changed = async (fields: Readonly<Record<string, string>>) => {
    const typed = { name: 'Lumen ring', manufacturer: 'Lumen', model: 'R-1', ...fields }
    t.equal((await administrator.send(`/devices/${id}`, typed)).status, 303)
    const { meta: _, resourceType: __, id: ___, ...rest } = (await send('everything', 'GET', `Device/${id}`)).json()
    return rest
  }
  t.same(await changed({ model: 'R-2' }), { deviceName: [name], ...maker, modelNumber: 'R-2' })
  t.same(await changed({ name: 'Lumen band', manufacturer: '', model: 'R-2' }), {
    deviceName: [{ name: 'Lumen band', type: 'user-friendly-name' }],
    modelNumber: 'R-2',
  })
})

t.test('a mistake is shown at its field, and what was typed stays', async t => {
  const wrong = await add({ name: ' ', manufacturer: 'x'.repeat(201), kind: 'omh:heart-rate' })
  t.equal(wrong.status, 422)
  t.match(wordsOf(wrong), /Enter a name Enter at most 200 characters/)
  t.match(wrong.body, 'name="kind" value="omh:heart-rate" checked')
})

t.test('sources are found by their name, fifty on a page', async t => {
  const entry = Array.from({ length: 55 }, (_, index) => ({
    request: { method: 'POST', url: 'Device' },
    resource: { resourceType: 'Device', deviceName: [{ name: `Scale ${10 + index}`, type: 'model-name' }] },
  }))
  await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  const first = await administrator.get('/devices?name=SCALE')
  t.match(
    wordsOf(first),
    /Scale 10 .* Scale 59 What it delivers is not specified\. Data received from it More Data received from no /,
  )
  const next = /href="(\/devices\?[^"]*page=[^"]*)"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.match(
    wordsOf(await administrator.get(next)),
    /Find Scale 60 .* Scale 64 .* Back to the first page Data received from no known device or app$/,
  )
  const latest = wordsOf(await administrator.get('/devices?name=scale&sort=made'))
  t.match(latest, /Find Scale 64 What .* Scale 15 What it delivers is not specified\. .* More Data/)
  t.match(wordsOf(await administrator.get('/devices?name=nothing')), /No device or app has this in its name/)
})

t.test('staff see sources, only administrators change them, and a device of a patient is not a source', async t => {
  const { id: own } = await create('everything', { resourceType: 'Device', patient: { reference: `Patient/${ann}` } })
  const band = `/devices/${(await named('Tidewell band')).id}`
  t.equal((await administrator.get(`/devices/${own}`)).status, 404)
  const tries = async (browser: Browser) => {
    const { body } = await browser.get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    const gets = ['/devices/new', band, '/devices/nothing'].map(at => browser.get(at))
    const posts = ['/devices/new', band, `${band}/retire`, `${band}/restore`].map(at =>
      browser.post(at, { _csrf, name: 'Mine', version: '1' }),
    )
    return (await Promise.all([...gets, ...posts])).map(({ status }) => status)
  }
  for (const who of ['manager', 'viewer', 'patient'] as const) {
    t.same(new Set(await tries(people[who])), new Set([404]), who)
    t.equal((await people[who].get('/devices')).status, who === 'patient' ? 404 : 200, who)
  }
  t.notMatch((await named('Tidewell band')).deviceName, [{ name: 'Mine' }])
})
