import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions, standardExtensions } from '../../../src/fhir/canonical.ts'
import { wordsOf } from '../../support/browser.ts'
import { wholeTextData, wholeTextIn } from '../../support/patient-text.ts'
import { openInvited } from '../invited.ts'

const world = await openInvited()
const { arrived, band, create, lab, send, server, staff, study, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const page = `/sharing/${study.id}`
const settings = `/studies/${study.id}/settings`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const both = { [hearts]: 'yes', [steps]: 'no', 'omh:oxygen-saturation@any': 'no' }

const into = (language: string, text: string, value = 'valueString') => ({
  url: standardExtensions.translation,
  extension: [
    { url: 'lang', valueCode: language },
    { url: 'content', [value]: text },
  ],
})
const beside = (...translations: readonly object[]) => ({ extension: translations })
const read = async (): Promise<ResearchStudy> => (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
const facts = {
  title: 'Hearts & steps',
  'title-es': 'Corazones y pasos',
  purpose: 'How hearts and steps go together',
  'purpose-es': 'Cómo van juntos corazones y pasos',
}
const inSpanish = async (patient: string) => {
  const { entry } = (await send('everything', 'GET', `Person?link=Patient/${patient}`)).json()
  return world.browserOf(entry[0].resource.id, 'es-MX,es;q=0.9,en;q=0.8')
}
/** As a Consent names the text that was read. */
const sourceIn = (language: 'en' | 'es') => {
  const text = { en: 'We ask', es: 'Le pedimos' }[language]
  const hash = digestOf('sha1', wholeTextData(`${text}, version 1.`, language))
  return { contentType: 'text/plain', language, hash }
}
type Browser = Awaited<ReturnType<typeof inSpanish>>
const hiddenIn = (body: string, action: string) => {
  const form = new RegExp(`<form method="post" action="${action}"[^>]*>([\\s\\S]*?)</form>`).exec(body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
}
const preview = async (own: Browser) => hiddenIn((await own.send(page, both, page)).body, `${page}/sign`)
const sign = async (own: Browser, name: string) => own.post(`${page}/sign`, { ...(await preview(own)), name })

t.test(
  'a study has title, purpose and reasons once for each language, and mistakes are reported at their element',
  async t => {
    const stored = await read()
    const [asked] = (stored.extension ?? []).filter(({ url }) => url === extensions.requestedData)
    const place = stored.extension?.indexOf(asked ?? { url: '' }) ?? 0
    const reason = {
      url: 'reason',
      valueString: 'Why',
      _valueString: beside(into('es', 'Por qué'), into('es', 'Para qué')),
    }
    const extension = (stored.extension ?? []).map(one =>
      one === asked ? { ...one, extension: [...(one.extension ?? []), reason] } : one,
    )
    const wrong = {
      ...stored,
      _title: beside(into('xx', 'Corazones')),
      _description: beside(into('es', ' ', 'valueMarkdown')),
      extension,
    }
    const refused = await send(lab.manager, 'PUT', `ResearchStudy/${study.id}`, wrong)
    t.equal(refused.statusCode, 422)
    t.same(
      refused.json().issue.map(({ code, expression: [at] }: { code: string; expression: string[] }) => [code, at]),
      [
        ['code-invalid', 'ResearchStudy.title.extension[0]'],
        ['required', 'ResearchStudy.description.extension[0]'],
        ['business-rule', `ResearchStudy.extension[${place}].extension[2].value.extension[1]`],
      ],
    )
    const profile = 'https://sharewell.dev/fhir/StructureDefinition/study'
    const checked = async (resource: object) => {
      const answer = await send(lab.manager, 'POST', `ResearchStudy/$validate?profile=${profile}`, resource)
      return answer.json().issue.filter(({ severity }: { severity: string }) => severity === 'error')
    }
    t.match(await checked({ ...stored, _title: beside(into('es', 'Uno'), into('es', 'Otro')) }), [
      { diagnostics: /sharewell-study-title: Each translation of the title is in a language of its own/ },
    ])
    t.same(await checked({ ...stored, _title: beside(into('es', 'Uno'), into('de', 'Eins')) }), [])
    t.match(await checked({ ...stored, extension }), [
      { diagnostics: /sharewell-reason: Each translation of the reason/ },
    ])
    t.match((await read()).meta, { versionId: stored.meta?.versionId })
  },
)

t.test(
  'until a study is translated to their language, patients read the original, marked as being in another language',
  async t => {
    const { patient } = await arrived('Ada')
    const ada = await inSpanish(patient.id)
    const { body } = await ada.get(page)
    t.match(body, '<h1 lang="en">Hearts &amp; steps</h1>')
    t.match(body, '<dt>Para qué es</dt><dd class="as-written" lang="en">How hearts and steps go together</dd>')
    t.match((await ada.get('/sharing')).body, `<a href="${page}" lang="en">Hearts &amp; steps</a>`)
  },
)

t.test('what staff write in lines is shown in lines, to patients and to themselves', async t => {
  const { patient } = await arrived('Lia')
  const { title, purpose } = facts
  await staff.send(`${settings}/facts`, { title, purpose: 'For the heart.\r\n\r\nAnd for the steps.' })
  for (const [own, at] of [[await inSpanish(patient.id), page] as const, [staff, `/studies/${study.id}`] as const])
    t.match(
      (await own.get(at)).body,
      /<dd class="as-written"[^>]*>For the heart\.\s*\n\s*\nAnd for the steps\.<\/dd>/,
      at,
    )
  await staff.send(`${settings}/facts`, { title, purpose })
})

t.test(
  'staff write it in each language of the server; what is too long is reported, and everything that was typed stays',
  async t => {
    const german = into('de', 'Herzen')
    await update(lab.manager, { ...(await read()), _title: beside(german) } as ResearchStudy)
    const shown = await staff.get(`${settings}/facts`)
    t.match(wordsOf(shown), /Title in Spanish For patients whose browser asks for this language/)
    t.match(shown.body, /<input class="form-control" id="title-es"[^>]* lang="es" aria-describedby="title-es-hint">/)
    t.match(shown.body, /<textarea class="form-control" id="purpose-es"[^>]* lang="es"/)
    const long = await staff.send(`${settings}/facts`, { ...facts, 'title-es': 'x'.repeat(251), 'purpose-es': 'Cómo' })
    t.equal(long.status, 422)
    t.match(
      long.body,
      '<p class="invalid-feedback d-block mt-0" id="title-es-problem">At most 250 characters for the title in Spanish</p>',
    )
    t.match(long.body, /Cómo<\/textarea>/)
    t.match(await staff.send(`${settings}/facts`, facts), { status: 303, location: `${settings}?done=facts` })
    t.match(await read(), {
      title: facts.title,
      _title: { extension: [german, into('es', facts['title-es'])] },
      _description: { extension: [into('es', facts['purpose-es'], 'valueMarkdown')] },
    })
    const again = await staff.get(`${settings}/facts`)
    t.match(again.body, 'value="Corazones y pasos"')
    t.match(again.body, /Cómo van juntos corazones y pasos<\/textarea>/)
  },
)

t.test('browsers may look for misspellings in what patients will read', async t => {
  const [reason, draft] = [`omh:heart-rate@${band}`, `${settings}/text/draft/es`]
  for (const at of [`${settings}/facts`, `${settings}/data/reason?request=${encodeURIComponent(reason)}`, draft]) {
    const { body } = await staff.get(at)
    t.match(body, '<textarea ', at)
    t.notMatch(body, /<textarea [^>]*spellcheck="false"/, at)
  }
})

t.test('so they can when they make a study, which other servers can read as FHIR', async t => {
  const at = `/organizations/${lab.organization}/studies/new`
  const sent = { ...facts, identity: 'coded', access: 'staff' }
  // There is one of this title already.
  const [, anyway = ''] = /name="anyway" value="([^"]*)"/.exec((await staff.send(at, sent)).body) ?? []
  const { location = '' } = await staff.send(at, { ...sent, anyway })
  const id = location.split('/')[2] ?? ''
  const asXml = await server.inject({
    url: `/fhir/ResearchStudy/${id}`,
    headers: { authorization: `Bearer ${lab.manager}`, accept: 'application/fhir+xml' },
  })
  t.match(
    asXml.body,
    /<title value="Hearts &amp; steps"><extension url="http:\/\/hl7.org\/fhir\/StructureDefinition\/translation"><extension url="lang"><valueCode value="es"\/><\/extension><extension url="content"><valueString value="Corazones y pasos"\/>/,
  )
})

t.test('so they can for the reasons, even of what is requested already', async t => {
  const at = `${settings}/data/reason?request=${encodeURIComponent(`omh:heart-rate@${band}`)}`
  t.match((await staff.get(`${settings}/data`)).body, at)
  const nothing = await staff.send(at, { reason: ' ', 'reason-es': 'x'.repeat(1001) })
  t.equal(nothing.status, 422)
  t.match(wordsOf(nothing), /Enter what the study needs it for At most 1000 characters/)
  const said = { reason: 'To see how it beats', 'reason-es': 'Para ver cómo late' }
  t.match(await staff.send(at, said), { status: 303, location: `${settings}/data?done=saved` })
  const stale = hiddenIn((await staff.get(at)).body, `${settings}/data/reason`)
  const spo2 = { kind: 'omh:oxygen-saturation', source: '', reason: 'To see the air', 'reason-es': 'Para ver el aire' }
  t.match(await staff.send(`${settings}/data`, spo2), { status: 303 })
  const asked = (await read()).extension?.filter(({ url }) => url === extensions.requestedData) ?? []
  t.match(asked, [
    {
      extension: [
        { url: 'kind' },
        { url: 'source' },
        { url: 'reason', valueString: said.reason, _valueString: beside(into('es', said['reason-es'])) },
      ],
    },
    { extension: [{ url: 'kind' }] },
    {
      extension: [
        { url: 'kind' },
        { url: 'reason', valueString: spo2.reason, _valueString: beside(into('es', spo2['reason-es'])) },
      ],
    },
  ])
  const late = await staff.post(`${settings}/data/reason`, { ...stale, reason: 'Another', 'reason-es': 'Otra' })
  t.match([late.status, late.body], [409, /Otra<\/textarea>/])
  t.match(wordsOf(await staff.get(`${settings}/data`)), /Step count From any device or app\. No reason is given/)
  t.equal((await staff.get(`${settings}/data/reason?request=omh:nothing@`)).status, 404)
  const stranger = await world.browserOf(
    (await create('everything', { resourceType: 'Person', name: [{ text: 'Nobody' }] })).id,
  )
  t.equal((await stranger.get(at)).status, 404, 'somebody who may not change the study does not find the page')
})

t.test('beside the text staff are told what is not translated into its languages', async t => {
  t.match(
    wordsOf(await staff.get(`${settings}/text`)),
    /Those who read the text in Spanish do not find these in Spanish: why the study asks for Step count\. Write them on the pages/,
  )
})

t.test('a patient reads it in their language on all their pages, and others in theirs', async t => {
  const { patient, browser: english } = await arrived('Bea')
  const bea = await inSpanish(patient.id)
  const shown = await bea.get(page)
  t.match(shown.body, '<h1>Corazones y pasos</h1>')
  t.match(
    wordsOf(shown),
    /Para qué es Cómo van juntos corazones y pasos .* Frecuencia cardíaca, de Tidewell band\. Para ver cómo late/,
  )
  t.notMatch(shown.body, /lang="en"|Hearts/)
  t.match((await bea.get('/sharing')).body, `<a href="${page}">Corazones y pasos</a>`)
  t.match(await sign(bea, 'Bea'), { status: 303 })
  t.match(wordsOf(await bea.get('/sharing')), /Con Corazones y pasos Frecuencia cardíaca/)
  t.match((await bea.get('/account/disclosures')).body, />Corazones y pasos<\/option>/)
  const own = await english.get(page)
  t.match(own.body, '<h1>Hearts &amp; steps</h1>')
  t.notMatch(own.body, /Corazones|\blate\b/)
  t.match(wordsOf(await english.get('/sharing')), /To Hearts &amp; steps Heart rate/)
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Hearts &amp; steps/)
})

t.test(
  'on the pages of staff, the words of a study that is written in another language are marked as such',
  async t => {
    const stored = await read()
    const page = `/studies/${study.id}`
    t.notMatch((await staff.get(page)).body, /lang="fr"/)
    await update(lab.manager, { ...stored, language: 'fr' } as ResearchStudy)
    t.match((await staff.get(page)).body, /<dt>Description<\/dt><dd class="as-written"><span lang="fr">/)
    const shown = (await staff.get(`${settings}/facts`)).body
    for (const name of ['title', 'purpose']) t.match(shown, new RegExp(`id="${name}"[^>]* lang="fr"`))
    const data = (await staff.get(`${settings}/data`)).body
    t.match(data, /<p>From [^<]*<span lang="fr">/)
    t.match(data, /id="reason"[^>]* lang="fr"/)
    const request = encodeURIComponent(`omh:heart-rate@${band}`)
    t.match((await staff.get(`${settings}/data/reason?request=${request}`)).body, /id="reason"[^>]* lang="fr"/)
    await update(lab.manager, { ...(await read()), language: stored.language ?? 'en' } as ResearchStudy)
  },
)

t.test(
  'the copy says what was shown when it was signed, whatever the study says since, and in whatever language',
  async t => {
    const { patient, browser: english } = await arrived('Caro')
    const caro = await inSpanish(patient.id)
    await sign(caro, 'Caro')
    const { entry } = (await send('everything', 'GET', `Consent?patient=Patient/${patient.id}`)).json()
    t.match(entry, [{ resource: { language: 'es', sourceAttachment: { language: 'es' } } }])
    const at = `${settings}/data/reason?request=${encodeURIComponent(`omh:heart-rate@${band}`)}`
    await staff.send(`${settings}/facts`, {
      ...facts,
      title: 'Hearts',
      'title-es': 'Otro título',
      'purpose-es': 'Otro fin',
    })
    await staff.send(at, { reason: 'Another reason', 'reason-es': 'Otra razón' })
    t.match((await caro.get(page)).body, '<h1>Otro título</h1>')
    t.match(
      wordsOf(await caro.get(`${page}/copy`)),
      /Corazones y pasos lab Para qué es Cómo van juntos corazones y pasos .* Frecuencia cardíaca, de Tidewell band: .*\. Para ver cómo late .* Otro título/,
    )
    const { body } = await english.get(`${page}/copy`)
    t.match(body, '<dt lang="es">Corazones y pasos</dt>')
    t.match(body, '<span lang="es">Para ver cómo late</span>')
    t.notMatch(wordsOf(await english.get(page)), /The text has changed/, 'what was signed holds')
    const file = await english.get(`${page}/copy?file`)
    t.match(file.body, 'Corazones y pasos')
    const app = await world.patientToken(patient.id, 'patient/*.cruds patient/Consent.cruds')
    const { language: _, ...signed } = entry[0].resource
    await update(app, { ...signed, dateTime: new Date().toISOString(), sourceAttachment: sourceIn('en') })
    const byApp = wordsOf(await caro.get(`${page}/copy`))
    t.match(byApp, /Hearts lab .*Another reason/, 'signing anew with an app signs what it says then')
    t.notMatch(byApp, /Nombre escrito|Corazones/)
    t.notMatch(file.body, /Otr[oa]|Another|>Hearts</)
  },
)

t.test('nobody signs what has changed since they read it', async t => {
  const { patient } = await arrived('Dora')
  const dora = await inSpanish(patient.id)
  const read = hiddenIn((await dora.get(page)).body, page)
  const shown = await preview(dora)
  await staff.send(`${settings}/facts`, { ...facts, 'purpose-es': 'Para otra cosa' })
  for (const answer of [
    await dora.post(page, { ...read, ...both }),
    await dora.post(`${page}/sign`, { ...shown, name: 'Dora' }),
  ]) {
    t.equal(answer.status, 409)
    t.match(wordsOf(answer), /Lo que el estudio dice de sí mismo ha cambiado .* Para otra cosa/)
    t.match(answer.body, new RegExp(`id="${hearts}-yes"[^>]* checked`), 'what was chosen stays')
  }
  t.match(await sign(dora, 'Dora'), { status: 303 })
})

t.test('a study is found by its original title', async t => {
  const found = async (title: string) =>
    (await send(lab.manager, 'GET', `ResearchStudy?title:contains=${title}`)).json().entry?.length ?? 0
  t.same([await found('steps'), await found('pasos')], [2, 0])
})

t.test('whoever may not read a study cannot read it in any language', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const token = await world.patientToken(id, 'patient/*.cruds user/ResearchStudy.rs')
  t.equal((await send(token, 'GET', `ResearchStudy/${study.id}`)).statusCode, 404)
  t.same((await send(token, 'GET', 'ResearchStudy')).json().entry, undefined)
  await world.enrol(id)
  t.match((await send(token, 'GET', `ResearchStudy/${study.id}`)).json(), { _title: { extension: [{}, {}] } })
  t.match((await send(token, 'GET', `ResearchStudy/${study.id}?_elements=title`)).json(), {
    title: facts.title,
    _title: { extension: [{}, {}] },
  })
})

t.test(
  'whoever does not have the text to sign in their language is told so, where they read it and where they sign it',
  async t => {
    const { patient, browser: english } = await arrived('Eva')
    const eva = await inSpanish(patient.id)
    const told =
      'Lo que firma Este texto no existe en español. Se muestra en el idioma en que el estudio lo ha escrito. KEY FACTS We ask'
    t.notMatch(wordsOf(await eva.get(page)), 'Este texto no existe')
    const stored = await read()
    const textIn = (language: string, text: string) => ({
      url: 'text',
      valueAttachment: wholeTextIn(language, text),
    })
    const version = {
      url: extensions.patientText,
      extension: [{ url: 'version', valueString: 'English' }, textIn('en-GB', 'We ask')],
    }
    await update(lab.manager, { ...stored, extension: [...(stored.extension ?? []), version] })
    t.match(wordsOf(await eva.get(page)), told)
    t.match(wordsOf(await eva.send(page, both, page)), told)
    t.notMatch(wordsOf(await english.get(page)), 'This text does not exist in English')
  },
)
