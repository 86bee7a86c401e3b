import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { readInTurn } from '../../http/caller/caller-turns.ts'
import { letInWhile, whileLetIn } from '../../http/caller/while-let-in.ts'
import type { Words } from '../../messages/catalogue.ts'
import {
  documentLines,
  type PatientRecord,
  type RecordLines,
  readingLines,
  resourceLines,
} from '../../operations/rows/record-lines.ts'
import { callerOfPatient, compartmentsOf, patientsOf } from '../../storage/authorization/token.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'

type File = {
  readonly name: string
  readonly type: string
  readonly lines: RecordLines
  readonly key: 'readings' | 'fhir' | 'documents'
}

const files: readonly File[] = [
  { name: 'readings.csv', type: 'text/csv; charset=utf-8', lines: readingLines, key: 'readings' },
  { name: 'fhir.ndjson', type: 'application/fhir+ndjson; charset=utf-8', lines: resourceLines, key: 'fhir' },
  { name: 'open-mhealth.json', type: 'application/json; charset=utf-8', lines: documentLines, key: 'documents' },
]

/** Patients download their data, as files that are written while they are sent, through the same gate as for an app of theirs. */
export const accountDataPage: AddPage = (server, options) => {
  const onRequest = requireSession
  server.get('/account/data', { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const { length } = await compartmentsOf(options.accounts.database, sessionOf(request).person)
    return sendTranslatedPage(reply, words, {
      title: say('data.title'),
      content: html`<h1>${say('data.title')}</h1>
${
  length === 0
    ? html`<p>${say('data.none')} ${say('own.nothing')}</p>`
    : html`<p>${say('data.text')}</p>
<dl>${files.map(({ name, key }) => html`<dt><a href="/account/data/${name}">${say(`data.${key}`)}</a> (${name})</dt><dd>${say(`data.${key}-hint`)}</dd>`)}</dl>
${forDoctor(words, request.standing?.record)}`
}
<p><a href="/sharing">${say('sharing.title')}</a></p>
<p><a href="/account">${say('sharing.account')}</a></p>`,
    })
  })
  for (const { name, type, lines } of files)
    server.get(`/account/data/${name}`, { onRequest, config: { rateLimit } }, async (request, reply) => {
      const records = await recordsOf(request, options)
      whileTheirs(request, options, records)
      return reply
        .type(type)
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(Readable.from(whileLetIn(request, lines(records)), { objectMode: false }))
    })
}

/** A doctor opens none of the files. `record`: of the patient, if there is one alone. */
const forDoctor = ({ say }: Words, record: string | undefined): Html => html`<h2>${say('data.doctor')}</h2>
<p>${say('data.doctor-print')}${record !== undefined && html` <a href="/patients/${record}">${say('own.record')}</a>`}</p>
<p>${say('data.doctor-share')} <a href="/sharing/with">${say('care.begin')}</a></p>`

/** Each download reads everything about somebody. */
const rateLimit = { max: 10, timeWindow: '1 minute' }

/** Each record is read as its patient, and only while they still are that: somebody may have acted for them who no longer does. */
const whileTheirs = (request: FastifyRequest, { accounts }: PageOptions, records: readonly PatientRecord[]): void => {
  letInWhile(request, async () => {
    const now = await patientsOf(accounts.database, sessionOf(request).person)
    return records.every(({ patient }) => now.includes(patient))
  })
}

const recordsOf = async (
  request: FastifyRequest,
  { accounts: { database }, registry, codeClasses, measuredDocumentOf, openStoreFor }: PageOptions,
): Promise<readonly PatientRecord[]> => {
  const { person } = sessionOf(request)
  const words = wordsOf(request)
  const nameKind = kindNames(codeClasses, words)
  const records: PatientRecord[] = []
  for (const patient of await compartmentsOf(database, person)) {
    const caller = await callerOfPatient(database, { person, patient, client: 'pages', scope: 'user/*.rs' })
    if (caller !== undefined)
      records.push({
        registry,
        store: readInTurn(openStoreFor(caller), request),
        patient,
        measuredDocumentOf,
        nameKind,
      })
  }
  return records
}
