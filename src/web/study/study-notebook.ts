import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseScopes } from '../../access/scope.ts'
import { typeOfKind } from '../../access/shared-type.ts'
import { mostNotebookMinutes } from '../../auth/granted/notebook-tokens.ts'
import { parseJson } from '../../fhir/json.ts'
import { codesOf } from '../../fhir/measured/code-class.ts'
import { readInTurn } from '../../http/caller/caller-turns.ts'
import { whileLetIn } from '../../http/caller/while-let-in.ts'
import { linesOf, searchPages } from '../../interactions/search/search-lines.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { type Cell, csvInTurns, unixCsv } from '../../operations/rows/csv.ts'
import { readingColumns, rowsOf, type StudyReading } from '../../operations/rows/study-reading-rows.ts'
import type { NameKind } from '../../operations/rows/value-cells.ts'
import { parseSearch } from '../../search/parse.ts'
import { requestedData } from '../../studies/definition/requested-data.ts'
import { displayOf } from '../../studies/definition/study-request.ts'
import type { AddPage } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { box, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { kindNames } from '../page/kind-names.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { moment } from '../page/time.ts'
import { ticked, typed } from '../page/typed.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { type Snippet, snippetLanguages } from './notebook-snippet.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { openStudyCodes } from './study-codes.ts'
import { sendStudyPage } from './study-tabs.ts'

/** Data of a study for a notebook: chosen kinds, as a snippet with a token for a limited time, or as a file. */
export const studyNotebookPage: AddPage = (server, options) => {
  const { codeClasses, accounts, registry, openStoreFor } = options
  const { notebookTokens } = server.authorization
  const onRequest = requireSession
  const at = '/studies/:id/notebook'

  const kindsOf = ({ study }: ReadStudy): readonly string[] => {
    const kinds = requestedData(study, codeClasses).map(({ kind }) => kind)
    return [...new Set(kinds.filter(kind => typeOfKind(kind) === undefined))]
  }
  /** The chosen kinds, as codes for a search. */
  const chosenIn = (request: FastifyRequest, read: ReadStudy) => {
    const chosen = ticked(request.body, 'kind')
    const kinds = kindsOf(read).filter(kind => chosen.includes(kind))
    const known = codeClasses.kinds()
    return kinds.map(key =>
      codesOf(known.find(one => one.key === key) ?? { key, display: key, narrower: [] }).join(','),
    )
  }
  const scopesFor = (codes: readonly string[]) => codes.map(one => `user/Observation.rs?code=${one}`)
  const queryFor = (codes: readonly string[]) => new URLSearchParams({ code: codes.join(',') })

  const send = (
    reply: FastifyReply,
    read: ReadStudy,
    shown: { readonly problem?: string; readonly made?: Html } = {},
  ) => {
    const kinds = kindsOf(read)
    const { problem, made } = shown
    const chosen = new Set(ticked(reply.request.body, 'kind'))
    const page = `/studies/${read.study.id}/notebook`
    return sendStudyPage(reply, read, {
      tab: '/notebook',
      isProblem: problem !== undefined,
      content: html`${problemList([{ name: 'kinds', problem }])}
${made}
${
  kinds.length === 0
    ? html`<p>The study asks for no readings yet. Its <a href="/studies/${read.study.id}/settings/data">settings</a> say what it asks for.</p>`
    : html`<p>Choose what you want to work with. You get what patients share with this study, and you may see, at the moment it is read.</p>
${postForm(
  { action: page, token: ownToken(reply), novalidate: true },
  html`<fieldset id="kinds" class="field mb-4${problem && ' wrong'}">
<legend class="form-label fw-semibold fs-6">Kinds of data</legend>
${problem && html`<p class="invalid-feedback d-block mt-0">${problem}</p>`}
${kinds.map(kind => box({ type: 'checkbox', name: 'kind', value: kind, label: displayOf(kind, codeClasses), isChosen: chosen.has(kind) }))}
</fieldset>
${selectField({ name: 'minutes', label: 'Token valid for', value: typed(reply.request.body, 'minutes') || '60', choices: lengths.map(minutes => ({ value: String(minutes), label: `${minutes} minutes` })) })}
<div class="d-flex flex-wrap gap-3">
<button class="btn btn-primary">Create a snippet</button>
<button class="btn btn-outline-primary" formaction="${page}/readings.ndjson">Download as NDJSON</button>
<button class="btn btn-outline-primary" formaction="${page}/readings.csv">Download as CSV</button>
</div>`,
)}`
}`,
    })
  }

  server.get<OfStudy>(at, { onRequest }, async (request, reply) => send(reply, await readStudyOf(request, options)))
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const read = await readStudyOf(request, options)
    const codes = chosenIn(request, read)
    if (codes.length === 0) return send(reply.code(422), read, { problem: nothingChosen })
    const minutes = lengths.find(one => String(one) === typed(request.body, 'minutes')) ?? mostNotebookMinutes
    const { person } = sessionOf(request)
    const token = await notebookTokens.issue({ person, study: request.params.id, scopes: scopesFor(codes), minutes })
    const url = `${accounts.address()}/fhir/Observation?${queryFor(codes)}`
    const endsAt = new Date(Date.now() + minutes * 60_000)
    return send(reply, read, { made: snippets({ url, token, endsAt }) })
  })
  for (const format of ['ndjson', 'csv'] as const)
    server.post<OfStudy>(`${at}/readings.${format}`, { onRequest }, async (request, reply) => {
      const read = await readStudyOf(request, options)
      const codes = chosenIn(request, read)
      if (codes.length === 0) return send(reply.code(422), read, { problem: nothingChosen })
      // Read with the rights of the snippet's token.
      const caller = { ...read.caller, study: request.params.id, scopes: parseScopes(scopesFor(codes).join(' ')) }
      const pages = await searchPages(parseSearch(registry, 'Observation', queryFor(codes)), {
        store: readInTurn(openStoreFor(caller), request),
      })
      const { type, piecesOf } = formats[format]
      const store = readInTurn(openStoreFor(read.caller), request)
      const findCodes = openStudyCodes({ store, registry, study: request.params.id })
      const pieces = piecesOf(pages, { nameKind: kindNames(codeClasses, wordsFor('en')), findCodes })
      return reply
        .type(type)
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename="readings.${format}"`)
        .send(Readable.from(whileLetIn(request, pieces), { objectMode: false }))
    })
}

const lengths = [15, 30, mostNotebookMinutes]
const nothingChosen = 'Choose at least one kind of data'

const snippets = (snippet: Snippet): Html => html`<section aria-labelledby="made" class="alert alert-success">
<h2 id="made" class="alert-heading">Your snippet</h2>
<p>It is shown once. The token in it reads these kinds of data of this study until ${moment(snippet.endsAt)}; <a href="/account/apps">end it earlier</a> if somebody else may have seen it.</p>
</section>
${Object.values(snippetLanguages).map(
  ({ name, text }) => html`<h3>${name}</h3>
<pre class="border rounded p-3" tabindex="0" role="region" aria-label="Snippet in ${name}"><code>${text(snippet)}</code></pre>`,
)}`

type Naming = {
  readonly nameKind: NameKind
  readonly findCodes: ReturnType<typeof openStudyCodes>
}

type Format = {
  readonly type: string
  readonly piecesOf: (pages: AsyncIterable<readonly string[]>, naming: Naming) => AsyncIterable<string>
}

const csvOf = async function* (
  pages: AsyncIterable<readonly string[]>,
  { nameKind, findCodes }: Naming,
): AsyncGenerator<string> {
  yield unixCsv([readingColumns])
  for await (const contents of pages) {
    const readings = contents.map(content => parseJson(content) as StudyReading)
    const codes = await findCodes(readings.flatMap(({ subject }) => subject?.reference ?? []))
    const codesOf = (reference: string) => codes.get(reference) ?? []
    yield* csvInTurns(cellsOf(readings, { nameKind, codesOf }), unixCsv)
  }
}

const cellsOf = function* (
  readings: readonly StudyReading[],
  named: Parameters<typeof rowsOf>[1],
): Iterable<readonly Cell[]> {
  for (const reading of readings)
    for (const row of rowsOf(reading, named)) yield readingColumns.map(column => row[column])
}

const formats: Readonly<Record<'ndjson' | 'csv', Format>> = {
  ndjson: { type: 'application/fhir+ndjson; charset=utf-8', piecesOf: linesOf },
  csv: { type: 'text/csv; charset=utf-8', piecesOf: csvOf },
}
