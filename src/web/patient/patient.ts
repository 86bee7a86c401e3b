import type { Patient } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { nameText } from '../../fhir/display-name.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import { callerOfPerson, patientsOf } from '../../storage/authorization/token.ts'
import { nameOf, type OwnRecord, recordIn } from '../../studies/consent/own-record.ts'
import type { AddPage } from '../page/add-page.ts'
import { appsToOpen } from '../page/apps-to-open.ts'
import { leadsAway } from '../page/content-security.ts'
import { notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { isFramed } from '../page/frame.ts'
import { refuseOlder } from '../page/frame-history.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { sendPage } from '../page/page.ts'
import { printedLine } from '../page/printed-line.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { dateShown } from '../page/typed-day.ts'
import type { ChartsPage } from './nothing-drawn.ts'
import { backIn, backLink, keepingBack } from './patient-back.ts'
import { patientCharts } from './patient-charts.ts'
import { patientFacts } from './patient-facts.ts'
import { patientStudies } from './patient-studies.ts'

type OfPatient = { readonly Params: { readonly id: string } }

/**
 * A patient, as the person who is signed in may read them over FHIR; patients can read their own record even if they are staff. All others are
 * told that there is no such page. Apps are opened from here for the patient, as from an EHR; in an EHR's frame, the EHR opens its own apps
 * instead.
 */
export const patientPage: AddPage = (server, options) => {
  const { accounts, registry, codeClasses, openStoreFor, patientChanges, cookies } = options
  const { launches } = server.authorization
  const read = async (request: FastifyRequest<OfPatient>) => {
    const { id } = request.params
    const { person } = sessionOf(request)
    const isReader = (await patientsOf(accounts.database, person)).includes(id)
    const caller = isReader
      ? await callerOfPerson(accounts.database, { person, client: 'pages', patient: id, scope: ownScope })
      : await callerOfSession(accounts.database, sessionOf(request))
    if (caller === undefined) return undefined
    const store = openStoreFor(caller)
    const patient: Patient = JSON.parse((await store.read('Patient', id)).content)
    return { store, patient, isReader }
  }
  /** An EHR's frame shows no other pages of ours. */
  const studiesAround = async (
    { isReader, patient }: { readonly isReader: boolean; readonly patient: Patient },
    request: FastifyRequest,
  ) => (isReader || isFramed(request) ? undefined : patientStudies(options, sessionOf(request).person, patient))
  server.get<OfPatient>(
    '/patients/:id',
    { ...leadsAway, onRequest: [requireSession, refuseOlder(cookies)] },
    async (request, reply) => {
      const found = await read(request)
      if (found === undefined) return reply.redirect('/sign-in', 303)
      const { store, patient, isReader } = found
      const { id } = request.params
      const { person } = sessionOf(request)
      const token = ownToken(reply)
      // All pages for staff are in English.
      const words = isReader ? wordsOf(request) : wordsFor('en')
      const title = nameText(patient.name?.[0]) || words.say('chart.patient')
      const besideCharts = async () => ({
        apps: isFramed(request) ? [] : await launches.apps(person),
        changes: !isFramed(request) && (await patientChanges.isFor(person, patient)),
        notes: isReader && (await ownNotes(recordIn(store, registry, id), patient, words)),
        studies: await studiesAround(found, request),
      })
      const [charts, { apps, changes, notes, studies }] = await Promise.all([
        patientCharts(
          { registry, codeClasses, store, words },
          chartsOn(found, { id, name: calledOnPaper(patient, title, words) }, words),
          queryOf(request),
        ),
        besideCharts(),
      ])
      return sendPage(reply.header('vary', 'accept-language'), {
        title,
        isProblem: charts.isProblem,
        isWide: true,
        signOut: { token },
        words,
        content: html`<h1>${title}</h1>
${printedLine(words)}
${!isReader && doneNotice(queryOf(request).get('done'))}
${patientFacts(patient, words, title)}
${changes && waysToChange(id, keepingBack(queryOf(request)))}
${notes}
${charts.content}
${studies}
${appsToOpen({ patient: id, apps, token, ...openingText(found, words) })}
${!isFramed(request) && waysOn(request, words, found)}`,
      })
    },
  )
  server.post<OfPatient>('/patients/:id/app', { onRequest: requireSession }, async (request, reply) => {
    if ((await read(request)) === undefined) return reply.redirect('/sign-in', 303)
    const { id } = request.params
    const app = typed(request.body, 'app')
    return reply.redirect(await launches.open(sessionOf(request).person, app, { patient: id }), 303)
  })
}

const waysToChange = (id: string, back: string): Html => html`<p class="no-print d-flex flex-wrap column-gap-3">
<a href="/patients/${id}/change${back}">Edit the patient’s details</a>
<a href="/patients/${id}/record${back}">Has died, or record not in use</a></p>`

/** Two patients may have one name. */
const calledOnPaper = ({ birthDate }: Patient, title: string, words: Words): string =>
  [title, birthDate && `${words.say('chart.birth-date')}: ${dateShown(birthDate, words)}`].filter(Boolean).join('. ')

/** All readers but the patient are told the same about missing data, whether anything is withheld or not. */
const chartsOn = (
  { isReader }: { readonly isReader: boolean },
  { id, name }: { readonly id: string; readonly name: string },
  words: Words,
): ChartsPage => ({
  path: `/patients/${id}`,
  name,
  patient: id,
  devices: 'named',
  ...(isReader
    ? {
        shown: words.say('chart.own'),
        old: words.say('chart.newest-old'),
        never: html`<p>${words.say('chart.never-own')}</p>
<p><a href="/account/apps">${words.say('sharing.apps')}</a></p>`,
      }
    : {
        shown: words.say('chart.shared'),
        never: html`<p>${words.say('chart.never-shared')}</p>
<p>${words.say('chart.never-how')}</p>`,
      }),
})

/** Whom patients ask if it says something wrong of them, and what was refused, which would only be missing in the charts. */
const ownNotes = async (record: OwnRecord, patient: Patient, { say }: Words): Promise<Html> => {
  const organization = await nameOf(record, patient.managingOrganization?.reference)
  const refused = await record.store.refusedOf({ patient: record.patient, order: 'latest', offset: 0, limit: 1 })
  return html`${organization !== undefined && html`<p class="no-print">${say('own.record-wrong', { organization })}</p>`}
${refused.length > 0 && html`<p><a href="/account/refused?record=${record.patient}">${say('refused.some')}</a></p>`}`
}

/** What was done by the form that led here. */
const doneNotice = (name: string | null): Html | undefined => {
  const done = namedIn(doneTexts, name)
  return done === undefined ? undefined : notice('done', html`<p>${done}</p>`)
}

const doneTexts: Readonly<Record<string, string>> = {
  registered: 'The patient is registered. A study asks them for their data once they are enrolled into it and invited.',
  changed: 'It is saved.',
}

const openingText = ({ isReader }: { readonly isReader: boolean }, { say }: Words) => ({
  heading: isReader ? say('apps.open') : 'Open an app for this patient',
  text: say('apps.open-text'),
})

const waysOn = (
  request: FastifyRequest,
  words: Words,
  { isReader, patient: { id = '' } }: { readonly isReader: boolean; readonly patient: Patient },
): Html => (isReader ? ownWays(id, words) : backLink(backIn(queryOf(request))))

const ownWays = (record: string, { say }: Words): Html =>
  html`<p class="mt-4 no-print">${say('own.reading-wrong')} <a href="/account/readings?record=${record}">${say('own.readings')}</a></p>
<ul class="list-unstyled mt-4 no-print">
<li><a href="/sharing">${say('own.sharing')}</a></li>
<li><a href="/account/disclosures">${say('sharing.disclosures')}</a></li>
<li><a href="/account/data">${say('sharing.data')}</a></li>
<li><a href="/account/contacts">${say('own.contacts')}</a></li>
</ul>`

/** With a patient's scopes: staff who are patients can read their own record only by these. */
const ownScope = 'patient/*.rs user/*.rs'
