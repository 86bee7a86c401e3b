import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { studyNamed } from '../../../src/access/consent-study.ts'
import { isOfTick } from '../../../src/web/sharing/sharing-tick.ts'
import { wordsOf } from '../../support/browser.ts'
import { openSharing } from './sharing-world.ts'

/** Somebody who ticks a line and presses stop wants that to end, whatever has changed since they opened the page. */
const world = await openSharing()
const { band, consentsOf, keeping, sign, somebody, study } = world
t.teardown(world.close)
t.setTimeout(280_000)

const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
type Own = Awaited<ReturnType<typeof somebody>>['browser']

/** What a tab shows now, to be sent later. */
const tabOf = async (own: Own) => {
  const { body } = await own.get('/sharing')
  const valuesOf = (name: string) =>
    [...body.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, 'g'))].map(([, one = '']) => one)
  const [[_csrf = ''], [shown = ''], stop] = [valuesOf('_csrf'), valuesOf('shown'), valuesOf('stop')]
  return { stop, send: (some: readonly string[]) => own.post('/sharing', { _csrf, shown, stop: some }) }
}
const given = async (patient: string) =>
  (await consentsOf(patient))
    .filter(({ status }) => status === 'active')
    .flatMap(one =>
      (one.provision?.provision ?? []).map(({ code }) => `${studyOf(one)} ${code?.[0]?.coding?.[0]?.code}`),
    )
    .toSorted()
const studyOf = (consent: Consent): string => (studyNamed(consent) === study.id ? 'hearts' : 'keepers')

t.test('what was signed anew in another window ends with the lines that were ticked', async t => {
  const { browser: own, patient } = await somebody('Ned')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' }, keeping.id)
  const tab = await tabOf(own)
  await sign(own, { [hearts]: 'yes', [steps]: 'yes', [`${hearts}-from`]: '2025-01-01' })
  t.equal((await tab.send(tab.stop)).location, '/sharing?done=stopped')
  t.same(await given(patient.id), [])
})

t.test('a single line ends what it names even if it was signed anew; the rest continues', async t => {
  const { browser: own, patient } = await somebody('Oda')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  await sign(own, { [hearts]: 'yes', [steps]: 'no' }, keeping.id)
  const tab = await tabOf(own)
  await sign(own, { [hearts]: 'yes', [steps]: 'yes', [`${hearts}-from`]: '2025-01-01' })
  const [first = ''] = tab.stop.filter(one => one.includes(study.id) && one.includes('heart-rate'))
  t.equal((await tab.send([first])).location, '/sharing?done=stopped')
  t.same(await given(patient.id), ['hearts omh:step-count', 'keepers omh:heart-rate'])
})

t.test(
  'what was given meanwhile of the same data, from more sources, ends with the line, and the page says so',
  async t => {
    const { browser: own, change, patient } = await somebody('Per')
    await sign(own, { [hearts]: 'no', [steps]: 'yes' })
    const permit = (await consentsOf(patient.id))[0]?.provision?.provision?.[0] ?? {}
    const ofBand = [{ meaning: 'instance' as const, reference: { reference: `Device/${band}` } }]
    await change({ type: 'deny', provision: [{ ...permit, data: ofBand }] })
    const tab = await tabOf(own)
    await change({ type: 'deny', provision: [permit] })
    const { location = '' } = await tab.send(tab.stop)
    t.equal(location, '/sharing?done=stopped-more')
    t.match(wordsOf(await own.get(location)), /what was given meanwhile of the same has ended too/)
    t.same(await given(patient.id), [])
  },
)

t.test('of the same data from one device and from any, the line that was left unticked continues', async t => {
  const { browser: own, change, patient } = await somebody('Pia')
  await sign(own, { [hearts]: 'no', [steps]: 'yes' })
  const permit = (await consentsOf(patient.id))[0]?.provision?.provision?.[0] ?? {}
  const ofBand = [{ meaning: 'instance' as const, reference: { reference: `Device/${band}` } }]
  await change({ type: 'deny', provision: [{ ...permit, data: ofBand }, permit] })
  const tab = await tabOf(own)
  const { location } = await tab.send(tab.stop.filter(one => one.includes(band)))
  const left = (await consentsOf(patient.id)).map(({ status, provision }) => [status, provision?.provision])
  t.same([location, left], ['/sharing?done=stopped', [['active', [permit]]]])
})

t.test('one line of a permit with several kinds ends alone', async t => {
  const { browser: own, change, patient } = await somebody('Quinn')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  const [heart = {}, step = {}] = (await consentsOf(patient.id))[0]?.provision?.provision ?? []
  await change({ type: 'deny', provision: [{ ...heart, code: [...(heart.code ?? []), ...(step.code ?? [])] }] })
  const tab = await tabOf(own)
  await tab.send(tab.stop.filter(one => one.includes('heart-rate')))
  const [{ provision } = {}] = (await consentsOf(patient.id)) as readonly Consent[]
  t.same(provision?.provision, [{ ...heart, code: step.code }])
})

t.test('stopping what has been stopped already succeeds, from several windows in turn or at once', async t => {
  const { browser: own, patient } = await somebody('Rob')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  const tab = await tabOf(own)
  const locations = async (sent: readonly Promise<{ location: string | undefined }>[]) =>
    (await Promise.all(sent)).map(({ location }) => location)
  const [first = ''] = tab.stop
  t.same(
    await locations([first, first, first].map(one => tab.send([one]))),
    Array(3).fill('/sharing?done=stopped'),
    'at once',
  )
  t.equal((await tab.send([first])).location, '/sharing?done=stopped', 'afterwards')
  t.same(await given(patient.id), ['hearts omh:step-count'])
  const all = () => own.send('/sharing', { all: 'yes' }).catch(() => undefined)
  const { body } = await own.get('/sharing')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  t.equal((await all())?.location, '/sharing?done=stopped')
  t.equal((await own.post('/sharing', { _csrf, all: 'yes' })).location, '/sharing?done=stopped')
  t.same(await given(patient.id), [])
})

t.test('what was given meanwhile is of a line only if the same human gave it, and to the same', async t => {
  const line = { human: 'ann', receiver: 'ResearchStudy/hearts', kind: 'omh:heart-rate', source: '' }
  const given = [
    { source: 'band' },
    { kind: '' },
    { human: 'her child' },
    { receiver: 'ResearchStudy/keepers' },
    { kind: 'omh:step-count' },
  ].map(other => isOfTick(line, { ...line, ...other }))
  t.strictSame(given, [true, true, false, false, false])
  const toNobodyKnown = { ...line, receiver: '' }
  t.equal(isOfTick(toNobodyKnown, toNobodyKnown), false, 'of two whose receiver cannot be told, nobody knows')
})

t.test('what is not a line of this page stops nothing, and the list is shown again', async t => {
  const { browser: own, patient } = await somebody('Sia')
  const { patient: other } = await somebody('Tom')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  const tab = await tabOf(own)
  const [first = ''] = tab.stop
  for (const tick of ['8c6f/3/0', first.replace(patient.id, other.id), 'human=a']) {
    const shown = await tab.send([first, tick])
    t.equal(shown.status, 409)
    t.match(
      wordsOf(shown),
      /This has changed since you opened the page, so nothing was stopped\. .* To Hearts &amp; steps Heart rate/,
    )
  }
  t.same(await given(patient.id), ['hearts omh:heart-rate', 'hearts omh:step-count'])
})
