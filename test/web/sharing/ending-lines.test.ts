import type { Extension } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { wordsOf } from '../../support/browser.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { band, browser: openIn, consentsOf, create, enrol, lab, send, sign, somebody, study, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const both = { [hearts]: 'yes', [`${hearts}-from`]: '2026-01-01', [steps]: 'yes', [`${steps}-from`]: '2026-01-01' }
const ends =
  /What ends if you sign You share this with the study now\. Once you sign, the study sees of it only what is listed above: (.*?) What it knows of you/
const isData = ({ url }: Extension) => url === extensions.requestedData

/** A study of its own, which somebody shares both kinds with. */
const shared = async (name: string) => {
  const one = await somebody(name)
  const { meta, ...made } = await create(
    lab.manager,
    studyAnew((await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()),
  )
  await enrol(one.patient.id, made.id)
  await sign(one.browser, both, made.id)
  const others = made.extension.filter((entry: Extension) => !isData(entry))
  const ask = (...asked: readonly Extension[]) => update(lab.manager, { ...made, extension: [...others, ...asked] })
  const [ofBand, ofAny] = made.extension.filter(isData) as [Extension, Extension]
  return { ...one, made, ofBand, ofAny, ask, page: `/sharing/${made.id}` }
}

t.test(
  'a kind that the study no longer asks for is said to end by signing anew, on the form and before signing',
  async t => {
    const { ask, browser, made, ofAny, page, patient } = await shared('Noa')
    t.notMatch(wordsOf(await browser.get(page)), /no longer asks/)
    await ask(ofAny)
    t.match(
      wordsOf(await browser.get(page)),
      /You share this with the study now, and it no longer asks for it\. If you sign anew, it ends\. If you do not, it goes on until you stop it\. Heart rate, from Tidewell band: measured from 1 January 2026 \(UTC\) /,
    )
    const { preview } = await sign(browser, { [steps]: 'yes', [`${steps}-from`]: '2026-01-01' }, made.id)
    t.equal(ends.exec(wordsOf(preview))?.[1], 'Heart rate, from Tidewell band: measured from 1 January 2026 (UTC)')
    const [consent] = await consentsOf(patient.id)
    t.match(consent?.provision?.provision, [{ code: [{ coding: [{ code: 'omh:step-count' }] }] }], 'and so it does')
    t.notMatch(wordsOf(await browser.get(page)), /no longer asks|Heart rate/)
  },
)

t.test('what somebody takes back themselves is said to end, and nothing else is', async t => {
  const { browser, page } = await shared('Ona')
  const endedBy = async (choices: Readonly<Record<string, string>>) =>
    ends.exec(wordsOf(await browser.send(page, { ...both, ...choices }, page)))?.[1]
  t.equal(await endedBy({}), undefined)
  t.equal(await endedBy({ [`${steps}-from`]: '2025-12-01' }), undefined)
  const stepsEnd = 'Step count, from any device: measured from 1 January 2026 (UTC)'
  for (const narrower of [
    { [steps]: 'no' },
    { [`${steps}-from`]: '2026-01-02' },
    { [`${steps}-from`]: '' },
    { [`${steps}-until`]: '2090-01-01' },
  ])
    t.equal(await endedBy(narrower), stepsEnd, JSON.stringify(narrower))
})

t.test('a kind from any device ends but for the device that the study still asks for', async t => {
  const { ask, browser, ofAny, ofBand, page } = await shared('Una')
  const source = ofBand.extension?.find(({ url }) => url === 'source')
  await ask({ ...ofAny, extension: [...(ofAny.extension ?? []), ...(source ? [source] : [])] }, ofBand)
  const name = `omh:step-count@${band}`
  const preview = await browser.send(page, { ...both, [name]: 'yes', [`${name}-from`]: '2026-01-01' }, page)
  t.match(wordsOf(preview), /These readings Step count, from Tidewell band: .* Heart rate, from Tidewell band: /)
  t.equal(ends.exec(wordsOf(preview))?.[1], 'Step count, from any device: measured from 1 January 2026 (UTC)')
})

t.test('in Spanish the form and the page before signing say it in Spanish', async t => {
  const { ask, browser: english, ofAny, page } = await shared('Ines')
  await ask(ofAny)
  const browser = openIn('es')
  browser.cookies.set('sharewell-session', english.cookies.get('sharewell-session') ?? '')
  t.match(
    wordsOf(await browser.get(page)),
    /Ahora comparte esto con el estudio, que ya no lo pide\. Si firma de nuevo, termina\./,
  )
  t.match(wordsOf(await browser.send(page, { [steps]: 'no', [hearts]: 'no' }, page)), /Ha elegido no compartir nada/)
  t.match(
    wordsOf(await browser.send(page, { [steps]: 'yes', [`${steps}-from`]: '2026-01-01' }, page)),
    /Lo que termina si firma Ahora comparte esto con el estudio\. En cuanto firme, el estudio solo verá de ello lo que se indica arriba: Frecuencia/,
  )
})
